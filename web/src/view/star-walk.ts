import type { Point } from './camera';
import type { Star } from './star-field';

/** A way over the map: one step of a key. */
export interface Direction {
  readonly x: -1 | 0 | 1;
  readonly y: -1 | 0 | 1;
}

/** All stars by their distance from a point, the nearest first; of equal ones the lower number. */
export function byNearness(stars: readonly Star[], from: Point): Star[] {
  const away = ({ at }: Star): number => (at.x - from.x) ** 2 + (at.y - from.y) ** 2;
  return stars
    .map((star) => ({ star, away: away(star) }))
    .sort((a, b) => a.away - b.away || a.star.sid - b.star.sid)
    .map(({ star }) => star);
}

/**
 * The star that lies next in a direction: of those within 45 degrees of it the one that is nearest, where what lies
 * aside counts double. Null where there is none.
 */
export function nextToward(stars: readonly Star[], from: Point, { x, y }: Direction): Star | null {
  let best: Star | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const star of stars) {
    const along = (star.at.x - from.x) * x + (star.at.y - from.y) * y;
    const aside = Math.abs((star.at.x - from.x) * y) + Math.abs((star.at.y - from.y) * x);
    if (along <= 0 || aside > along) continue;
    const away = along + 2 * aside;
    if (away < least) [best, least] = [star, away];
  }
  return best;
}
