import type { TurnRecord } from '../duel/game';
import { button, element, write } from '../panel/element';
import { toCss } from '../view/colour';
import { strategyColour } from '../view/look';

const SPEEDS = [1, 2, 5, 15] as const;
const TURN_MS = 900;
const HEIGHT = 54;

/** The turns of a duel as a band of who has how much energy, along which one goes, or lets it play. */
export class TurnBand {
  readonly host = element('div', { class: 'duel-time' });
  private readonly canvas = element('canvas', { class: 'duel-band', 'aria-hidden': 'true' });
  private readonly range = element('input', {
    type: 'range',
    min: '0',
    max: '0',
    value: '0',
    'aria-label': 'Turn',
  });
  private readonly toggle = button('Pause', { class: 'quiet', title: 'Play or pause' }, () =>
    this.play(!this.isPlaying),
  );
  private readonly faster = button('1×', { class: 'quiet', 'aria-label': 'Speed 1', title: 'Speed' }, () =>
    this.speed(),
  );
  private readonly label = element('output', { class: 'mono' });
  private turns: readonly TurnRecord[] = [];
  private names: readonly string[] = [];
  private last = 0;
  private at = 0;
  private isPlaying = true;
  private pace = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `show` is told which turn to draw, how long it has, and whether it follows the one before. */
  constructor(private readonly show: (at: number, periodMs: number, isNext: boolean) => void) {
    const step = (by: number): HTMLButtonElement =>
      button(
        by < 0 ? '‹' : '›',
        { class: 'quiet', 'aria-label': by < 0 ? 'Turn before' : 'Next turn' },
        () => {
          this.play(false);
          this.go(this.at + by);
        },
      );
    this.range.addEventListener('input', () => {
      this.play(false);
      this.go(Number(this.range.value));
    });
    this.host.append(
      element('div', { class: 'duel-track' }, this.canvas, this.range),
      element('div', { class: 'row' }, this.toggle, step(-1), step(1), this.faster, this.label),
    );
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  begin(names: readonly string[], turns: readonly TurnRecord[], last: number): void {
    this.names = names;
    this.turns = turns;
    this.last = last;
    this.range.max = String(last);
    this.at = -1;
    this.go(0);
    this.play(true);
  }

  /** There are more turns. */
  grow(): void {
    if (this.turns.length % 10 === 1 || this.turns.length > this.last) this.draw();
    if (this.isPlaying && this.timer === undefined) this.plan();
  }

  play(isPlaying: boolean): void {
    this.isPlaying = isPlaying;
    write(this.toggle, isPlaying ? 'Pause' : 'Play');
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!isPlaying) return;
    if (this.at >= this.last) this.go(0);
    this.plan();
  }

  private speed(): void {
    this.pace = (this.pace + 1) % SPEEDS.length;
    const speed = `${SPEEDS[this.pace]}`;
    write(this.faster, `${speed}×`);
    this.faster.setAttribute('aria-label', `Speed ${speed}`);
  }

  private get periodMs(): number {
    return TURN_MS / (SPEEDS[this.pace] ?? 1);
  }

  /** The next turn comes when this one has been seen, and, on a slow machine, has been played. */
  private plan(): void {
    if (this.at + 1 >= this.turns.length) {
      if (this.at >= this.last) this.play(false);
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.host.offsetParent !== null) this.go(this.at + 1);
      this.plan();
    }, this.periodMs);
  }

  private go(to: number): void {
    const next = Math.max(0, Math.min(to, this.turns.length - 1));
    if (next === this.at || this.turns.length === 0) return;
    const isNext = next === this.at + 1;
    this.at = next;
    this.range.value = String(next);
    this.range.setAttribute('aria-valuetext', `turn ${next} of ${this.last}`);
    write(this.label, `turn ${next} / ${this.last}`);
    this.show(next, this.periodMs, isNext);
  }

  private draw(): void {
    const { canvas, turns } = this;
    const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    canvas.width = width;
    canvas.height = Math.round(HEIGHT * devicePixelRatio);
    const pen = canvas.getContext('2d');
    if (pen === null) return;
    const column = width / (this.last + 1);
    turns.forEach(({ tally }, at) => {
      const all = tally.reduce((sum, { energy }) => sum + energy, 0);
      let top = 0;
      tally.forEach(({ energy }, slot) => {
        const height = all === 0 ? 0 : (energy / all) * canvas.height;
        pen.fillStyle = toCss(strategyColour(this.names[slot] ?? ''));
        pen.fillRect(at * column, top, column + 1, height);
        top += height;
      });
    });
  }
}
