import { button, element } from './element';

/** Tabs over what is filled when it is first shown; arrows go from tab to tab. */
export function tabs(
  name: string,
  pages: readonly (readonly [title: string, fill: () => HTMLElement])[],
): HTMLElement {
  const panels = pages.map((_, place) =>
    element('div', {
      role: 'tabpanel',
      id: `${name}-page-${place}`,
      'aria-labelledby': `${name}-tab-${place}`,
    }),
  );
  const heads = pages.map(([title], place) =>
    button(
      title,
      { class: 'quiet', role: 'tab', id: `${name}-tab-${place}`, 'aria-controls': `${name}-page-${place}` },
      () => show(place),
    ),
  );
  const show = (shown: number): void => {
    for (const [place, panel] of panels.entries()) {
      panel.hidden = place !== shown;
      heads[place]?.setAttribute('aria-selected', String(place === shown));
      heads[place]?.setAttribute('tabindex', place === shown ? '0' : '-1');
    }
    if (panels[shown]?.childElementCount === 0) panels[shown].append(pages[shown]?.[1]() ?? '');
  };
  const list = element('div', { class: 'tabs', role: 'tablist', 'aria-label': name }, ...heads);
  list.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = heads.indexOf(document.activeElement as HTMLButtonElement);
    if (step === undefined || at < 0) return;
    // The arrows of the page move the sky.
    event.stopPropagation();
    event.preventDefault();
    const next = (at + step + heads.length) % heads.length;
    show(next);
    heads[next]?.focus();
  });
  show(0);
  return element('div', {}, list, ...panels);
}
