import type { TurnRecord } from '../sql/turns';
import { SVG } from './element';

const WIDTH = 280;
const HEIGHT = 44;
const BAR_GAP = 1.2;

/** One bar a turn, newest on the right, as high as the turn took long; late turns stand out. */
export class Sparkline {
  readonly element = document.createElementNS(SVG, 'svg');

  constructor(private readonly turnsShown: number) {
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute('preserveAspectRatio', 'none');
    this.element.setAttribute('class', 'sparkline');
    this.element.setAttribute('role', 'img');
  }

  /** Newest first. */
  show(turns: readonly TurnRecord[]): void {
    const bars = barsOf(turns, this.turnsShown);
    this.element.setAttribute('aria-label', labelOf(turns));
    while (this.element.childElementCount < bars.length)
      this.element.append(document.createElementNS(SVG, 'rect'));
    while (this.element.childElementCount > bars.length) this.element.lastElementChild?.remove();
    bars.forEach((bar, place) => {
      const rect = this.element.children[place];
      if (rect === undefined) return;
      for (const [name, value] of Object.entries(bar.box)) rect.setAttribute(name, value.toFixed(2));
      rect.setAttribute('class', bar.isLate ? 'late' : '');
    });
  }
}

interface Bar {
  readonly box: { x: number; y: number; width: number; height: number };
  readonly isLate: boolean;
}

export function barsOf(turns: readonly TurnRecord[], turnsShown: number): Bar[] {
  const durations = turns.map((turn) => turn.endMs - turn.startMs);
  const longest = Math.max(1, ...durations);
  const step = WIDTH / turnsShown;
  return turns.slice(0, turnsShown).map((turn, age) => {
    const height = Math.max(1.5, ((durations[age] ?? 0) / longest) * HEIGHT);
    return {
      box: { x: WIDTH - (age + 1) * step, y: HEIGHT - height, width: step - BAR_GAP, height },
      isLate: turn.isLate,
    };
  });
}

function labelOf(turns: readonly TurnRecord[]): string {
  const durations = turns.map((turn) => turn.endMs - turn.startMs).sort((a, b) => a - b);
  const median = durations[durations.length >> 1] ?? 0;
  return `Turn time of the last ${turns.length} turns: median ${median.toFixed(0)} ms, longest ${(durations.at(-1) ?? 0).toFixed(0)} ms`;
}
