import { MAP_SIDE } from '../sql/space';
import type { SystemPlace } from '../sql/systems';
import { clamp, type Point } from './camera';

/** A system as a star: where on the map it is drawn. */
export interface Star extends SystemPlace {
  /** In cells of the map; the system itself is drawn in the square of one cell around it. */
  readonly at: Point;
}

/** Stars stand anywhere in their cell, or many of them would show the rows and columns of the map. */
const SCATTER = 0.46;
/** So near to the map's edge, in cells, stars stand further from their cell, so that a full map has no straight edge. */
const EDGE = 52;
const EDGE_SCATTER = 15;

/** Finds the star nearest to a point of the map, among tens of thousands, at every move of the pointer. */
export class StarField {
  readonly stars: readonly Star[];
  private readonly tiles = new Map<number, Star[]>();
  private readonly bySid = new Map<number, Star>();

  constructor(places: readonly SystemPlace[]) {
    this.stars = places.map((place) => ({ ...place, at: scattered(place) }));
    for (const star of this.stars) {
      this.bySid.set(star.sid, star);
      const key = tileKey(Math.floor(star.at.x / TILE), Math.floor(star.at.y / TILE));
      const tile = this.tiles.get(key);
      if (tile === undefined) this.tiles.set(key, [star]);
      else tile.push(star);
    }
  }

  find(sid: number): Star | null {
    return this.bySid.get(sid) ?? null;
  }

  /** The distance from one star to the next, in cells, were they spread evenly. */
  get spacing(): number {
    return MAP_SIDE / Math.sqrt(Math.max(1, this.stars.length));
  }

  /**
   * How much room a star has, 1 where it has its even share of the map: its distance to others, estimated from the
   * stars of its tile and the eight around it.
   */
  room(star: Star): number {
    const row = Math.floor(star.at.y / TILE);
    const column = Math.floor(star.at.x / TILE);
    let stars = 0;
    for (let y = row - 1; y <= row + 1; y += 1) {
      for (let x = column - 1; x <= column + 1; x += 1) stars += this.tiles.get(tileKey(x, y))?.length ?? 0;
    }
    const evenShare = (this.stars.length * (3 * TILE) ** 2) / MAP_SIDE ** 2;
    return Math.sqrt(evenShare / Math.max(1, stars));
  }

  /** Null when none is within `reach`. */
  nearest(point: Point, reach: number): Star | null {
    let best: Star | null = null;
    let bestDistance = reach;
    const look = (column: number, row: number): void => {
      for (const star of this.tiles.get(tileKey(column, row)) ?? []) {
        const distance = Math.hypot(star.at.x - point.x, star.at.y - point.y);
        if (distance <= bestDistance) {
          best = star;
          bestDistance = distance;
        }
      }
    };
    const column = Math.floor(point.x / TILE);
    const row = Math.floor(point.y / TILE);
    // Ring by ring of tiles: no star of a ring is nearer than the ring's distance less one tile.
    const rings = Math.min(Math.ceil(reach / TILE) + 1, RINGS_MAX);
    for (let ring = 0; ring <= rings && (ring - 1) * TILE <= bestDistance; ring += 1) {
      for (let step = -ring; step <= ring; step += 1) {
        look(column + step, row - ring);
        if (ring === 0) break;
        look(column + step, row + ring);
        if (Math.abs(step) === ring) continue;
        look(column - ring, row + step);
        look(column + ring, row + step);
      }
    }
    return best;
  }

  /** The stars of a rectangle, in cells, tile by tile, and some beyond it. */
  *within(left: number, top: number, right: number, bottom: number): Generator<Star> {
    for (let row = Math.floor(top / TILE); row <= Math.floor(bottom / TILE); row += 1) {
      for (let column = Math.floor(left / TILE); column <= Math.floor(right / TILE); column += 1) {
        yield* this.tiles.get(tileKey(column, row)) ?? [];
      }
    }
  }

  /** The stars around one, nearest first. */
  around(star: Star, count: number): Star[] {
    const reach = this.spacing * 2;
    for (let wide = reach; ; wide *= 2) {
      const { x, y } = star.at;
      const found = [...this.within(x - wide, y - wide, x + wide, y + wide)].filter((each) => each !== star);
      const near = found
        .map((each) => ({ each, far: Math.hypot(each.at.x - x, each.at.y - y) }))
        .filter(({ far }) => far <= wide || wide > MAP_SIDE * 2)
        .sort((a, b) => a.far - b.far || a.each.sid - b.each.sid);
      if (near.length >= count || wide > MAP_SIDE * 2) return near.slice(0, count).map(({ each }) => each);
    }
  }
}

const TILE = 10;
const RINGS_MAX = 120;

function tileKey(column: number, row: number): number {
  return row * 4096 + column;
}

/** Where a system's star stands: always the same, in its cell, but for those at the edge of the map. */
function scattered({ sid, x, y }: SystemPlace): Point {
  const inside = Math.min(x, y, MAP_SIDE - 1 - x, MAP_SIDE - 1 - y);
  const edge = clamp(1 - inside / EDGE, 0, 1) ** 2;
  const reach = SCATTER + edge * EDGE_SCATTER;
  return { x: x + 0.5 + reach * (2 * chance(sid, 1) - 1), y: y + 0.5 + reach * (2 * chance(sid, 2) - 1) };
}

/** A number 0..1 that looks random and is always the same for a system and a purpose. */
export function chance(sid: number, purpose: number): number {
  let hash = Math.imul(sid, 0x9e3779b1) ^ Math.imul(purpose, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x1_0000_0000;
}
