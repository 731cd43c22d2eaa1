import type { Brush } from './brush';
import type { Lens } from './figures';

/** Where an entity is drawn, in cells; null when it is not in the picture. */
export type WhereIs = (eid: number) => { x: number; y: number } | null;

/** Draws something that is seen once, at share 0..1 of its life. */
export type Show = (brush: Brush, share: number, lens: Lens, whereIs: WhereIs) => void;

interface Living {
  readonly show: Show;
  readonly startMs: number;
  readonly lifeMs: number;
}

/** So that a great battle cannot slow the page. */
const SHOWS_MAX = 900;

/** What is to be seen once, and for a while: shots, explosions, wrecks. Where frames are slow, they are fewer, not longer. */
export class Shows {
  private living: Living[] = [];

  add(startMs: number, lifeMs: number, show: Show): void {
    if (this.living.length < SHOWS_MAX) this.living.push({ show, startMs, lifeMs });
  }

  draw(brush: Brush, lens: Lens, whereIs: WhereIs): void {
    const { nowMs } = lens;
    this.living = this.living.filter(({ startMs, lifeMs }) => nowMs < startMs + lifeMs);
    for (const { show, startMs, lifeMs } of this.living)
      if (nowMs >= startMs) show(brush, (nowMs - startMs) / lifeMs, lens, whereIs);
  }

  clear(): void {
    this.living = [];
  }
}
