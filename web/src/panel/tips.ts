import { button, byId, element, write } from './element';

/**
 * One line that explains what it belongs to: for everything with `data-tip`, when the pointer rests on it, when the
 * keyboard reaches it, and when a finger taps it. Escape puts away what keyboard or finger have called.
 */
export class Tips {
  private readonly box = byId('tip');
  private of: HTMLElement | null = null;
  /** Called by keyboard or finger, not by a pointer that happens to be there. */
  private isCalled = false;

  constructor() {
    document.addEventListener('pointerover', (event) => {
      if (event.pointerType === 'mouse') this.showFor(event.target, false);
    });
    document.addEventListener('focusin', (event) => {
      const { target } = event;
      // The focus that follows a press of the mouse says nothing new.
      this.showFor(target instanceof HTMLElement && target.matches(':focus-visible') ? target : null, true);
    });
    document.addEventListener('focusout', () => this.showFor(null, false));
    // A press does what the button is for; only what is there to explain explains itself.
    document.addEventListener('click', ({ target }) => {
      this.showFor(target instanceof Element ? target.closest('.term') : null, true);
    });
    document.addEventListener('scroll', () => this.showFor(null, false), true);
    document.addEventListener(
      'keydown',
      (event) => {
        if (event.key !== 'Escape' || !this.isCalled) return;
        event.stopPropagation();
        this.showFor(null, false);
      },
      true,
    );
  }

  private showFor(target: EventTarget | null, isCalled: boolean): void {
    const of = target instanceof Element ? target.closest<HTMLElement>('[data-tip]') : null;
    this.isCalled = isCalled && of !== null;
    if (of === this.of) return;
    this.of?.removeAttribute('aria-describedby');
    this.of = of;
    this.box.hidden = of === null;
    if (of === null) return;
    of.setAttribute('aria-describedby', this.box.id);
    write(this.box, of.dataset.tip ?? '');
    const at = placeOf(of.getBoundingClientRect(), this.box.getBoundingClientRect(), {
      width: window.innerWidth,
      height: window.innerHeight,
    });
    this.box.style.transform = `translate(${at.x}px, ${at.y}px)`;
  }
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly bottom: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const GAP = 6;
const EDGE = 8;

/** Below what it explains, above where there is no room below; never over the edge of the window. */
export function placeOf(of: Box, tip: Size, window: Size): { x: number; y: number } {
  const below = of.bottom + GAP;
  const isRoom = below + tip.height + EDGE <= window.height;
  return {
    x: Math.round(Math.max(EDGE, Math.min(of.left, window.width - tip.width - EDGE))),
    y: Math.round(isRoom ? below : Math.max(EDGE, of.top - tip.height - GAP)),
  };
}

/** A name that is explained: a button, so that keyboard and touch reach the explanation. */
export function term(label: string, tip: string): HTMLElement {
  return button(label, { class: 'term', 'data-tip': tip }, () => {});
}

/** A name and its value, for a list of figures. */
export function figure(label: string, tip: string, value: HTMLElement): HTMLElement {
  return element('div', { class: 'figure' }, element('dt', {}, term(label, tip)), value);
}
