import type { Star, StarField } from './star-field';

/** Each star has a current to so many of its neighbours. */
const NEIGHBOURS = 2;
/** So many stars are looked at in one step. */
const STEP = 40;

/** Two neighbours, by their places in the list of stars. */
export type Pair = readonly [number, number];

/** Every star with its nearest neighbours, each pair once; in steps, so that no frame has to wait for all of them. */
export function* neighbours(field: StarField): Generator<void, Pair[]> {
  const places = new Map(field.stars.map((star, index) => [star.sid, index]));
  const pairs = new Map<number, Pair>();
  for (let index = 0; index < field.stars.length; index += 1) {
    const star = field.stars[index];
    if (star === undefined) continue;
    for (const other of field.around(star, NEIGHBOURS)) {
      const far = places.get(other.sid) ?? index;
      const pair: Pair = index < far ? [index, far] : [far, index];
      pairs.set(pair[0] * field.stars.length + pair[1], pair);
    }
    if (index % STEP === STEP - 1) yield;
  }
  return [...pairs.values()];
}

/** What a current needs to know of a system. */
export interface Power {
  readonly leader: string;
  readonly energy: number;
}

/**
 * The currents between neighbours that one strategy leads both, from the one with more energy to the one with less: x
 * and y of both ends, and red, green, blue and strength (0..255) of each.
 */
export function currentsOf(
  pairs: readonly Pair[],
  stars: readonly Star[],
  powers: ReadonlyMap<number, Power>,
  colourOf: (strategy: string) => number,
): { ends: Float32Array; shine: Uint8Array; count: number } {
  const ends: number[] = [];
  const shine: number[] = [];
  for (const [one, two] of pairs) {
    const [a, b] = [stars[one], stars[two]];
    if (a === undefined || b === undefined) continue;
    const [powerA, powerB] = [powers.get(a.sid), powers.get(b.sid)];
    if (powerA === undefined || powerB === undefined || powerA.leader !== powerB.leader) continue;
    const [from, to] = powerA.energy >= powerB.energy ? [a, b] : [b, a];
    const [most, least] = [Math.max(powerA.energy, powerB.energy), Math.min(powerA.energy, powerB.energy)];
    const colour = colourOf(powerA.leader);
    ends.push(from.at.x, from.at.y, to.at.x, to.at.y);
    // The steeper from rich to poor, the stronger.
    const strength = 0.35 + 0.65 * (1 - least / Math.max(1, most));
    shine.push(colour >> 16, (colour >> 8) & 0xff, colour & 0xff, Math.round(255 * strength));
  }
  return { ends: Float32Array.from(ends), shine: Uint8Array.from(shine), count: ends.length / 4 };
}
