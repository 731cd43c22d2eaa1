/** What the keyboard can do; each key is listed in the help sheet. */
export interface KeyActions {
  onBack(): void;
  onPan(dx: number, dy: number): void;
  onZoom(factor: number): void;
  onSeeAll(): void;
  onSearch(): void;
  onEnter(): void;
  onStep(step: 1 | -1): void;
  onFollow(): void;
  onSheet(sheet: 'strategies' | 'console' | 'help'): void;
}

const PAN_PIXELS = 70;
const ZOOM_STEP = 1.35;

/** Keys work wherever the focus is, except where they write; Escape works there too. */
export function listenToKeys(actions: KeyActions): void {
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => actions.onPan(PAN_PIXELS, 0),
    ArrowRight: () => actions.onPan(-PAN_PIXELS, 0),
    ArrowUp: () => actions.onPan(0, PAN_PIXELS),
    ArrowDown: () => actions.onPan(0, -PAN_PIXELS),
    '+': () => actions.onZoom(ZOOM_STEP),
    '=': () => actions.onZoom(ZOOM_STEP),
    '-': () => actions.onZoom(1 / ZOOM_STEP),
    0: actions.onSeeAll,
    '/': actions.onSearch,
    n: () => actions.onStep(1),
    p: () => actions.onStep(-1),
    f: actions.onFollow,
    s: () => actions.onSheet('strategies'),
    c: () => actions.onSheet('console'),
    '?': () => actions.onSheet('help'),
  };
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      actions.onBack();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLElement)) return;
    if (event.target.closest('input, textarea, select, [tabindex="0"]:not(#sky)') !== null) return;
    if (event.key === 'Enter') {
      // On a button Enter presses it.
      if (event.target.closest('button, a') === null) actions.onEnter();
      return;
    }
    const action = keys[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
