import type { Entity } from '../sql/system';
import type { Frame } from './camera';

/** The length of a ship without upgrades, in cells. */
export const SHIP_LENGTH = 1.5;
const UPGRADES_AT_FIRST = 6;
/** How much longer each doubling of the upgrades makes a ship. */
const GROWTH = 0.13;

/** A ship is drawn at least so many pixels long, on windows from a phone's to a wall's. */
const PIXELS_MIN = 16;
const PIXELS_MAX = 44;
const SHIPS_ACROSS = 46;

/** How many upgrades a ship has bought. */
export function upgradesOf({ blasters, thrusters, harvesters }: Entity): number {
  return Math.max(0, blasters + thrusters + harvesters - UPGRADES_AT_FIRST);
}

/** How long a ship is, in ships without upgrades: 1 to 2.3. */
export function growthOf(entity: Entity): number {
  return 1 + GROWTH * Math.log2(1 + upgradesOf(entity));
}

/** How many pixels long a ship is at least: as many as a window of this size needs to show a whole system. */
export function shipPixelsMin({ width, height }: Frame): number {
  return Math.min(Math.max(Math.min(width, height) / SHIPS_ACROSS, PIXELS_MIN), PIXELS_MAX);
}

/**
 * By how much everything that happens around a ship is enlarged, itself included, where cells are only a few pixels wide: hull,
 * shield, shots and explosions keep their proportions at every zoom. `scale` is in pixels a cell.
 */
export function swellAt(scale: number, pixelsMin: number): number {
  return Math.max(1, pixelsMin / (SHIP_LENGTH * scale));
}
