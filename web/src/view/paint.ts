import type { SystemSummary } from '../sql/systems';
import { mixed } from './colour';
import { rampColour } from './ramp';
import type { Star } from './star-field';

const UNKNOWN_COLOUR = 0x8fa3c8;
/** Who is not meant is still there. */
const DIMMED_COLOUR = 0x5d6a86;
const DIMMED_LIGHT = 0.06;

/** What the stars tell: who leads, by default; one strategy alone; or one figure of each system. */
export type Telling =
  | { readonly kind: 'leader' }
  /** The energy of one strategy by system; systems without it are left out. */
  | { readonly kind: 'isolated'; readonly colour: number; readonly energy: ReadonlyMap<number, number> }
  /** A figure by system, between -1 and 1 of the largest. */
  | { readonly kind: 'heat'; readonly ramp: readonly number[]; readonly heat: ReadonlyMap<number, number> };

/** The colour of each star as red, green, blue, and its light, 0..255 each, in the order of `stars`. */
export function paintStars(
  stars: readonly Star[],
  summaries: readonly SystemSummary[],
  colourOf: (strategy: string) => number,
  telling: Telling,
): Uint8Array {
  const pixels = new Uint8Array(stars.length * 4);
  const lights = brightness(summaries);
  const most = telling.kind === 'heat' ? heatLight(stars, telling.heat) : 1;
  const bySid = new Map(summaries.map((summary) => [summary.sid, summary]));
  stars.forEach(({ sid }, index) => {
    const summary = bySid.get(sid);
    const light = lights.get(sid) ?? 0;
    const [colour, shine] = told(sid, summary, light, colourOf, telling, most);
    pixels[index * 4] = colour >> 16;
    pixels[index * 4 + 1] = (colour >> 8) & 0xff;
    pixels[index * 4 + 2] = colour & 0xff;
    pixels[index * 4 + 3] = Math.round(shine * 255);
  });
  return pixels;
}

function told(
  sid: number,
  summary: SystemSummary | undefined,
  light: number,
  colourOf: (strategy: string) => number,
  telling: Telling,
  most: number,
): readonly [colour: number, light: number] {
  if (telling.kind === 'isolated') {
    const energy = telling.energy.get(sid) ?? 0;
    if (energy === 0) return [DIMMED_COLOUR, DIMMED_LIGHT];
    const share = Math.min(1, energy / Math.max(1, summary?.energy ?? energy));
    return [mixed(DIMMED_COLOUR, telling.colour, 0.45 + 0.55 * share), 0.25 + 0.75 * light * share];
  }
  if (telling.kind === 'heat') {
    const heat = telling.heat.get(sid) ?? 0;
    return [rampColour(telling.ramp, heat), Math.abs(heat) * most];
  }
  if (summary === undefined) return [UNKNOWN_COLOUR, 0];
  // The more evenly a system is shared, the whiter its star.
  const share = summary.leaderEnergy / Math.max(1, summary.energy);
  return [mixed(colourOf(summary.leader), 0xffffff, 0.5 * (1 - share)), light];
}

/** How bright all stars together may be, as a mean of 0..1: where each has the largest figure they would outshine its colour. */
const HEAT_MEAN_MAX = 0.3;

function heatLight(stars: readonly Star[], heat: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const { sid } of stars) sum += Math.abs(heat.get(sid) ?? 0);
  return Math.min(1, (HEAT_MEAN_MAX * stars.length) / Math.max(sum, 1e-9));
}

/** Brightness 0..1 of each system by the energy of its ships, compared with all others. */
export function brightness(summaries: readonly SystemSummary[]): Map<number, number> {
  // By rank: a few rich systems would leave all others dark on any scale of their own. Those with the same energy by
  // number: in numbers alone, because sorting objects takes five times as long.
  const order = new Float64Array(summaries.length);
  summaries.forEach((summary, index) => {
    order[index] = Math.min(summary.energy, ENERGY_MAX) * INDEX_MAX + index;
  });
  order.sort();
  const last = Math.max(1, summaries.length - 1);
  const lights = new Map<number, number>();
  order.forEach((key, rank) => {
    const summary = summaries[key % INDEX_MAX];
    if (summary !== undefined) lights.set(summary.sid, rank / last);
  });
  return lights;
}

/** Both in one double: 2^20 systems, and energy below 2^33. */
const INDEX_MAX = 2 ** 20;
const ENERGY_MAX = 2 ** 33 - 1;
