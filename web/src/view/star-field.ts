import type { SystemPlace, SystemSummary } from '../sql/systems';
import type { Point } from './camera';

/** Finds the star nearest to a point of the map, among tens of thousands, at every move of the pointer. */
export class StarField {
  private readonly tiles = new Map<number, SystemPlace[]>();
  private readonly bySid = new Map<number, SystemPlace>();

  constructor(readonly places: readonly SystemPlace[]) {
    for (const place of places) {
      this.bySid.set(place.sid, place);
      const key = tileKey(Math.floor(place.x / TILE), Math.floor(place.y / TILE));
      const tile = this.tiles.get(key);
      if (tile === undefined) this.tiles.set(key, [place]);
      else tile.push(place);
    }
  }

  find(sid: number): SystemPlace | null {
    return this.bySid.get(sid) ?? null;
  }

  /**
   * How much room a star has, 1 where it has its even share of the map: its distance to others, estimated from the
   * stars of its tile and the eight around it.
   */
  room(place: SystemPlace): number {
    const row = Math.floor(place.y / TILE);
    const column = Math.floor(place.x / TILE);
    let stars = 0;
    for (let y = row - 1; y <= row + 1; y += 1) {
      for (let x = column - 1; x <= column + 1; x += 1) stars += this.tiles.get(tileKey(x, y))?.length ?? 0;
    }
    const evenShare = (this.places.length * (3 * TILE) ** 2) / MAP_SIZE ** 2;
    return Math.sqrt(evenShare / stars);
  }

  /** Stars stand in the middle of their cell. Null when none is within `reach`. */
  nearest(point: Point, reach: number): SystemPlace | null {
    let best: SystemPlace | null = null;
    let bestDistance = reach;
    const from = (value: number): number => Math.floor((value - reach - 1) / TILE);
    const to = (value: number): number => Math.floor((value + reach) / TILE);
    for (let row = from(point.y); row <= to(point.y); row += 1) {
      for (let column = from(point.x); column <= to(point.x); column += 1) {
        for (const place of this.tiles.get(tileKey(column, row)) ?? []) {
          const distance = Math.hypot(place.x + 0.5 - point.x, place.y + 0.5 - point.y);
          if (distance <= bestDistance) {
            best = place;
            bestDistance = distance;
          }
        }
      }
    }
    return best;
  }
}

const TILE = 10;
export const MAP_SIZE = 500;

function tileKey(column: number, row: number): number {
  return row * 4096 + column;
}

/** Brightness 0..1 of each system by the energy of its ships, compared with all others. */
export function brightness(summaries: readonly SystemSummary[]): Map<number, number> {
  // By rank: a few rich systems would leave all others dark on any scale of their own.
  const ranked = [...summaries].sort((a, b) => a.energy - b.energy || a.sid - b.sid);
  const last = Math.max(1, ranked.length - 1);
  return new Map(ranked.map((summary, rank) => [summary.sid, rank / last]));
}
