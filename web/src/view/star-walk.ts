import type { SystemPlace } from '../sql/systems';
import type { Point } from './camera';

/** A way over the map: one step of a key. */
export interface Direction {
  readonly x: -1 | 0 | 1;
  readonly y: -1 | 0 | 1;
}

/** All stars by their distance from a point, the nearest first; of equal ones the lower number. */
export function byNearness(places: readonly SystemPlace[], from: Point): SystemPlace[] {
  const away = (place: SystemPlace): number => (place.x - from.x) ** 2 + (place.y - from.y) ** 2;
  return places
    .map((place) => ({ place, away: away(place) }))
    .sort((a, b) => a.away - b.away || a.place.sid - b.place.sid)
    .map(({ place }) => place);
}

/**
 * The star that lies next in a direction: of those within 45 degrees of it the one that is nearest, where what lies
 * aside counts double. Null where there is none.
 */
export function nextToward(
  places: readonly SystemPlace[],
  from: Point,
  { x, y }: Direction,
): SystemPlace | null {
  let best: SystemPlace | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const place of places) {
    const along = (place.x - from.x) * x + (place.y - from.y) * y;
    const aside = Math.abs((place.x - from.x) * y) + Math.abs((place.y - from.y) * x);
    if (along <= 0 || aside > along) continue;
    const away = along + 2 * aside;
    if (away < least) [best, least] = [place, away];
  }
  return best;
}
