import { button, element } from '../panel/element';
import { EXAMPLES } from './examples';
import type { Run } from './history';

export type Saved = Pick<Run, 'sql' | 'args'>;

/** Ten queries that teach, in the place of a result. */
export function exampleList(load: (saved: Saved) => void): HTMLElement {
  return element(
    'ol',
    { class: 'examples', 'aria-label': 'Examples' },
    ...EXAMPLES.map(({ title, words, sql, args = '[]' }) => {
      const take = element(
        'button',
        { type: 'button', class: 'example' },
        element('span', { class: 'title' }, title),
        element('span', { class: 'muted small' }, words),
      );
      take.addEventListener('click', () => load({ sql, args }));
      return element('li', {}, take);
    }),
  );
}

export function historyList(
  runs: readonly Run[],
  load: (saved: Saved) => void,
  forget: () => void,
): HTMLElement {
  const where =
    'What you ran in this browser, newest first. It is kept here only (localStorage), and sent to nobody.';
  if (runs.length === 0) return element('p', { class: 'muted' }, where);
  return element(
    'div',
    { class: 'history' },
    element('p', { class: 'row muted small' }, where, button('Forget all', { class: 'quiet' }, forget)),
    element(
      'ol',
      { 'aria-label': 'History' },
      ...runs.map(({ sql, args }) => {
        const take = element(
          'button',
          { type: 'button', class: 'example' },
          element('code', {}, sql),
          args === '[]' ? null : element('code', { class: 'muted' }, args),
        );
        take.addEventListener('click', () => load({ sql, args }));
        return element('li', {}, take);
      }),
    ),
  );
}
