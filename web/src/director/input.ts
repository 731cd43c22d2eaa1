/** Farther than this, in CSS pixels, from where it rested, a mouse was moved on purpose. */
const MOVE_PIXELS = 24;
/** Where the mouse is after this long without a move is where it rests. */
const REST_MS = 600;

/** Tells a mouse that is moved from one that only trembles, or is nudged with the table. */
export class MouseRest {
  private x = 0;
  private y = 0;
  private lastMs = Number.NEGATIVE_INFINITY;

  /** Whether this move, in CSS pixels, leads away from where the mouse rested. */
  isLeft(x: number, y: number, nowMs: number): boolean {
    if (nowMs - this.lastMs > REST_MS) {
      this.x = x;
      this.y = y;
    }
    this.lastMs = nowMs;
    return Math.hypot(x - this.x, y - this.y) > MOVE_PIXELS;
  }
}

/** Keys that by themselves ask for nothing. */
const MODIFIERS: ReadonlySet<string> = new Set([
  'Shift',
  'Control',
  'Alt',
  'AltGraph',
  'Meta',
  'CapsLock',
  'Fn',
]);

/**
 * Tells of all that a person does on the page, before anything else hears of it: press, touch, key, wheel, and a mouse
 * that is moved on purpose.
 */
export function listenToInput(onInput: (event: Event) => void): void {
  const rest = new MouseRest();
  const options = { capture: true, passive: true };
  for (const kind of ['pointerdown', 'wheel', 'touchstart']) window.addEventListener(kind, onInput, options);
  window.addEventListener(
    'keydown',
    (event) => {
      if (!MODIFIERS.has(event.key)) onInput(event);
    },
    options,
  );
  window.addEventListener(
    'pointermove',
    (event) => {
      if (rest.isLeft(event.clientX, event.clientY, event.timeStamp)) onInput(event);
    },
    options,
  );
}
