import { TALLY, type Tally, type TurnRecord } from '../duel/game';
import { element } from '../panel/element';
import { emblem } from '../panel/emblem';
import { count } from '../panel/format';

const COLUMNS = TALLY;

/** What came of a duel: a row a strategy, the one with the most energy first. */
export function duelTable(
  names: readonly string[],
  sums: readonly Tally[],
  { isGrounded }: Pick<TurnRecord, 'isGrounded'>,
  faults: ReadonlyMap<string, string>,
): HTMLElement {
  const order = [...names.keys()].sort((a, b) => (sums[b]?.energy ?? 0) - (sums[a]?.energy ?? 0));
  const rows = order.map((slot) => {
    const name = names[slot] ?? '';
    const fault = faults.get(name);
    return element(
      'tr',
      {},
      element(
        'th',
        { scope: 'row' },
        emblem(name),
        name,
        isGrounded[slot] === true ? element('span', { class: 'badge grounded' }, 'grounded') : null,
        fault === undefined ? null : element('div', { class: 'fault small' }, fault),
      ),
      ...COLUMNS.map((column) => element('td', { class: 'number' }, count(sums[slot]?.[column] ?? 0))),
    );
  });
  return element(
    'table',
    {},
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        element('th', { scope: 'col' }, 'strategy'),
        ...COLUMNS.map((column) => element('th', { scope: 'col', class: 'number' }, column)),
      ),
    ),
    element('tbody', {}, ...rows),
  );
}
