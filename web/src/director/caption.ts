import type { After } from '../feed/supply';
import { isCalm } from '../panel/calm';
import { byId, element, write } from '../panel/element';
import type { Shot } from './shot';
import type { Screen } from './tour';
import { wordsOf } from './words';

const FADE_MS = 320;
/** The words at the end of the tour are read by then. */
const LEAVE_MS = 5000;
/** Screen readers are told of a visit at most once in this time. */
const SAID_APART_MS = 15_000;

/** The sentence below the sky's middle, and the line that says how long the shot lasts. */
export class Caption implements Screen {
  private readonly host = byId('caption');
  private readonly text = element('p', { class: 'caption-text', 'aria-hidden': 'true' });
  private readonly line = element('span', { class: 'caption-line', 'aria-hidden': 'true' });
  private readonly said = element('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  private running: Animation | null = null;
  private cancelLeaving: (() => void) | null = null;
  private saidMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly after: After) {
    this.host.append(this.text, this.line, this.said);
  }

  get isCalm(): boolean {
    return isCalm();
  }

  show(shot: Shot, lastsMs: number): void {
    this.open();
    this.text.replaceChildren(...wordsOf(shot.caption, shot.strategies, true));
    this.text.classList.toggle('is-aside', shot.story === null);
    this.host.classList.remove('is-leaving');
    this.text.animate(
      { opacity: [0, 1], transform: this.isCalm ? [] : ['translateY(6px)', 'none'] },
      { duration: 600, easing: 'ease-out' },
    );
    this.running = this.line.animate(
      { transform: ['scaleX(0)', 'scaleX(1)'] },
      { duration: lastsMs, fill: 'forwards' },
    );
    if (shot.story !== null) this.say(shot.caption);
  }

  fade(change: () => void): void {
    const sky = byId('sky');
    const dark = sky.animate({ opacity: [1, 0] }, { duration: FADE_MS, fill: 'forwards' });
    dark.addEventListener('finish', () => {
      change();
      dark.cancel();
      sky.animate({ opacity: [0, 1] }, { duration: FADE_MS });
    });
  }

  close(words: string): void {
    this.open();
    this.host.hidden = words === '';
    this.host.classList.add('is-leaving');
    this.text.replaceChildren(words);
    write(this.said, words);
    this.cancelLeaving = this.after(LEAVE_MS, () => {
      this.host.hidden = true;
    });
  }

  /** Stops what is under way. */
  private open(): void {
    this.running?.cancel();
    this.running = null;
    this.cancelLeaving?.();
    this.cancelLeaving = null;
    this.host.hidden = false;
  }

  private say(words: string): void {
    const nowMs = performance.now();
    if (nowMs - this.saidMs < SAID_APART_MS) return;
    this.saidMs = nowMs;
    write(this.said, words);
  }
}
