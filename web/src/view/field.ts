import { MAP_SIDE } from '../sql/space';
import { rampColour } from './ramp';

/** The field is a square of so many texels over the map and what lies around it, in cells. */
export const FIELD_SIDE = 128;
export const FIELD_FROM = -50;
export const FIELD_SPAN = MAP_SIDE - 2 * FIELD_FROM;

/** How strong something is at a point of the map, in cells. */
export interface Deposit {
  readonly x: number;
  readonly y: number;
  readonly weight: number;
}

/** What one strategy has, and where. */
export interface Claim {
  readonly strategy: string;
  readonly colour: number;
  readonly deposits: readonly Deposit[];
}

/** Where a strategy is strongest, for its name. */
export interface Heart {
  readonly strategy: string;
  readonly x: number;
  readonly y: number;
  /** Its share of all energy there, 0..1. */
  readonly share: number;
}

/** As the GPU takes it: red, green and blue as roots of the light, which keeps faint light from showing steps. */
export interface Field {
  readonly pixels: Uint8Array;
  readonly hearts: readonly Heart[];
}

/** Half of the sizes at which a deposit fades, in cells: sparse universes have wide territories. */
export function fieldReach(spacing: number): number {
  return Math.min(Math.max(spacing * 0.85, 6), 26);
}

/** Spreads deposits over a grid: a normal distribution around each of them, its standard deviation `reach` cells. */
export function spread(deposits: readonly Deposit[], reach: number): Float32Array {
  const grid = new Float32Array(FIELD_SIDE ** 2);
  const texel = FIELD_SPAN / FIELD_SIDE;
  for (const { x, y, weight } of deposits) {
    const u = (x - FIELD_FROM) / texel - 0.5;
    const v = (y - FIELD_FROM) / texel - 0.5;
    const column = Math.floor(u);
    const row = Math.floor(v);
    if (column < 0 || row < 0 || column >= FIELD_SIDE - 1 || row >= FIELD_SIDE - 1) continue;
    const right = u - column;
    const below = v - row;
    const at = row * FIELD_SIDE + column;
    add(grid, at, weight * (1 - right) * (1 - below));
    add(grid, at + 1, weight * right * (1 - below));
    add(grid, at + FIELD_SIDE, weight * (1 - right) * below);
    add(grid, at + FIELD_SIDE + 1, weight * right * below);
  }
  // Some means over a box are a normal distribution to the eye. P. Kovesi, Fast almost-Gaussian filtering, 2010.
  const radius = Math.max(1, Math.round((Math.sqrt((12 / MEANS) * (reach / texel) ** 2 + 1) - 1) / 2));
  for (let pass = 0; pass < MEANS; pass += 1) {
    mean(grid, radius, 1, FIELD_SIDE);
    mean(grid, radius, FIELD_SIDE, 1);
  }
  return grid;
}

function add(grid: Float32Array, at: number, weight: number): void {
  grid[at] = (grid[at] ?? 0) + weight;
}

const MEANS = 4;
const line = new Float32Array(FIELD_SIDE);

/** The mean of each texel and `radius` to both sides, along lines whose texels are `step` apart. */
function mean(grid: Float32Array, radius: number, step: number, lines: number): void {
  const share = 1 / (2 * radius + 1);
  for (let each = 0; each < FIELD_SIDE; each += 1) {
    const from = each * lines;
    for (let at = 0; at < FIELD_SIDE; at += 1) line[at] = grid[from + at * step] ?? 0;
    let sum = 0;
    for (let at = 0; at < radius; at += 1) sum += line[at] ?? 0;
    for (let at = 0; at < FIELD_SIDE; at += 1) {
      sum += (line[at + radius] ?? 0) - (line[at - radius - 1] ?? 0);
      grid[from + at * step] = Math.max(0, sum) * share;
    }
  }
}

/** The larger, the sooner the stronger of two neighbours has a place for itself. */
const DOMINANCE = 12;
/**
 * By how much it counts that a strategy is stronger at a place than elsewhere: with 0 the leader of the universe would have
 * all of the map where all strategies are everywhere, with 1 nobody would see that it leads.
 */
const HOME = 0.5;

/**
 * Territories: each place has the colours of those who are strong there, the strongest most; where two are equally
 * strong a dark seam parts them. One claim a step, so that no frame has to wait for all of them.
 */
export function* territories(claims: readonly Claim[], reach: number): Generator<void, Field> {
  const grids: Float32Array[] = [];
  for (const { deposits } of claims) {
    grids.push(spread(deposits, reach));
    yield;
  }
  const total = new Float32Array(FIELD_SIDE ** 2);
  for (const grid of grids) {
    for (let at = 0; at < total.length; at += 1) add(total, at, grid[at] ?? 0);
  }
  const tone = toneOf(total);
  const all = sumOf(total);
  const homes = grids.map((grid) => (all / Math.max(sumOf(grid), all * 1e-3)) ** HOME);
  const pixels = new Uint8Array(FIELD_SIDE ** 2 * 4);
  const colours = claims.map(({ colour }) => cloudLight(colour));
  const best = claims.map(() => ({ at: 0, strength: 0, share: 0 }));
  for (let at = 0; at < total.length; at += 1) {
    const here = total[at] ?? 0;
    if (here <= 0) continue;
    let strongest = 0;
    let second = 0;
    let sum = 0;
    const light: [number, number, number] = [0, 0, 0];
    for (let each = 0; each < grids.length; each += 1) {
      const share = (grids[each]?.[at] ?? 0) / here;
      const claim = share * (homes[each] ?? 1);
      const weight = claim ** DOMINANCE;
      sum += weight;
      if (claim > strongest) [strongest, second] = [claim, strongest];
      else if (claim > second) second = claim;
      const [red, green, blue] = colours[each] ?? light;
      light[0] += red * weight;
      light[1] += green * weight;
      light[2] += blue * weight;
      const heart = best[each];
      // Where it is strong and alone, not merely where many are.
      const strength = share ** 2 * Math.sqrt(tone(here));
      if (heart !== undefined && strength > heart.strength) Object.assign(heart, { at, strength, share });
    }
    const seam = 0.3 + 0.7 * Math.min(1, (strongest - second) / (0.4 * strongest));
    put(pixels, at, light, (tone(here) * seam) / sum);
  }
  const hearts = best.map(({ at, share }, each) => ({
    strategy: claims[each]?.strategy ?? '',
    ...centreOf(at),
    share,
  }));
  return { pixels, hearts };
}

/** One figure over the map, in the colours of a ramp. Below nothing is only what a ramp from loss to gain shows. */
export function heatField(deposits: readonly Deposit[], ramp: readonly number[], reach: number): Field {
  const gain = spread(
    deposits.filter(({ weight }) => weight > 0),
    reach,
  );
  const loss = spread(
    deposits.filter(({ weight }) => weight < 0).map((each) => ({ ...each, weight: -each.weight })),
    reach,
  );
  const size = gain.map((value, at) => Math.abs(value - (loss[at] ?? 0)));
  const tone = toneOf(size);
  const pixels = new Uint8Array(FIELD_SIDE ** 2 * 4);
  size.forEach((value, at) => {
    if (value <= 0) return;
    const heat = tone(value);
    const isLoss = (loss[at] ?? 0) > (gain[at] ?? 0);
    put(pixels, at, linear(rampColour(ramp, isLoss ? -heat : heat)), Math.sqrt(heat));
  });
  return { pixels, hearts: [] };
}

function sumOf(grid: Float32Array): number {
  return grid.reduce((sum, value) => sum + value, 0);
}

/** From a strength to 0..1: what is as strong as most of what there is gets about a half. */
function toneOf(grid: Float32Array): (value: number) => number {
  let sum = 0;
  let squares = 0;
  for (const value of grid) {
    sum += value;
    squares += value * value;
  }
  const middle = sum === 0 ? 1 : (squares / sum) * 0.55;
  return (value) => 1 - Math.exp(-value / middle);
}

function put(
  pixels: Uint8Array,
  at: number,
  light: readonly [number, number, number],
  strength: number,
): void {
  for (let channel = 0; channel < 3; channel += 1) {
    const value = (light[channel] ?? 0) * strength;
    pixels[at * 4 + channel] = Math.round(255 * Math.sqrt(Math.min(1, value)));
  }
  pixels[at * 4 + 3] = 255;
}

/** So much of its white is taken from a colour: clouds of light are paler than what they are made of. */
const PURITY = 1;
/** How bright a cloud is to the eye, whatever its colour, as far as its colour can be. */
const LUMINANCE = 0.3;

/** 0xRRGGBB as light that can be added, 0..1 each. */
function linear(colour: number): [number, number, number] {
  const channel = (shift: number): number => (((colour >> shift) & 0xff) / 255) ** 2.2;
  return [channel(16), channel(8), channel(0)];
}

function cloudLight(colour: number): [number, number, number] {
  const light = linear(colour);
  const white = PURITY * Math.min(...light);
  const [red, green, blue] = [light[0] - white, light[1] - white, light[2] - white];
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  // Half way: a violet as bright as a yellow would be white.
  const scale = Math.min(
    (LUMINANCE / Math.max(luminance, 0.01)) ** 0.6,
    1 / Math.max(red, green, blue, 0.01),
  );
  return [red * scale, green * scale, blue * scale];
}

function centreOf(at: number): { x: number; y: number } {
  const texel = FIELD_SPAN / FIELD_SIDE;
  return {
    x: FIELD_FROM + ((at % FIELD_SIDE) + 0.5) * texel,
    y: FIELD_FROM + (Math.floor(at / FIELD_SIDE) + 0.5) * texel,
  };
}
