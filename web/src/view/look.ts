import { mixed, strategyHue } from './colour';

/** How a strategy is told from others: by colour, and, for who sees colours otherwise, by the shape of its ships. */
export interface Look {
  readonly colour: number;
  /** Which of `SHAPES` shapes. */
  readonly shape: number;
}

export const SHAPES = 5;

export const NODE_COLOUR = 0xffc46b;
/** A shield of so much is whole to the eye. */
export const SHIELD_FULL = 100;

/**
 * Ten colours that are told apart on a dark sky also with protanopia, deuteranopia and tritanopia. Found by search: of
 * all of lightness 0.6 and more, those whose least distance in OKLab is largest, 0.137 between any two as most people
 * see them and 0.086 as the three kinds of colour blindness do (matrices: Machado, Oliveira, Fernandes, A
 * physiologically-based model for simulation of color vision deficiency, 2009).
 */
export const PALETTE: readonly number[] = [
  0x90faf3, 0xdda552, 0x9754ed, 0xf52311, 0xd7f471, 0x00d097, 0xc841a5, 0xbcc1eb, 0xb48486, 0x8a8fe1,
];

const looks = new Map<string, Look>();

/**
 * Takes in which number each strategy has: the lowest that was free when it came, from 1. Returns whether one of them has
 * another look than it was drawn with until now.
 */
export function learnLooks(
  strategies: readonly { readonly name: string; readonly number: number }[],
): boolean {
  let isOther = false;
  for (const { name, number } of strategies) {
    const [before, look] = [looks.get(name), lookOf(number)];
    isOther ||= before !== undefined && (before.colour !== look.colour || before.shape !== look.shape);
    looks.set(name, look);
  }
  return isOther;
}

/** The first ten differ in colour, and neighbours in shape too; no fifty have the same of both. */
export function lookOf(number: number): Look {
  const place = Math.max(0, number - 1);
  const round = Math.floor(place / PALETTE.length);
  return {
    colour: PALETTE[place % PALETTE.length] ?? 0xffffff,
    shape: (place + round) % SHAPES,
  };
}

/** Gives those of some strategies that are not known the colours that the others of them do not have. */
export function lendLooks(names: readonly string[]): void {
  const taken = new Set(names.map((name) => looks.get(name)?.colour));
  let number = 1;
  for (const name of names) {
    if (looks.has(name)) continue;
    while (number < PALETTE.length && taken.has(lookOf(number).colour)) number += 1;
    looks.set(name, lookOf(number++));
  }
}

/** Of a strategy that is not known, as one of a past turn may be, the look depends on its name alone. */
export function strategyLook(name: string): Look {
  const known = looks.get(name);
  if (known !== undefined) return known;
  const look = { colour: strategyHue(name), shape: 0 };
  looks.set(name, look);
  return look;
}

export function strategyColour(name: string): number {
  return strategyLook(name).colour;
}

/** WCAG 2.2's relative luminance from which text reads on all that lies behind it with a contrast of 7 to 1. */
const INK_LUMINANCE = 0.42;

/** A colour as that of text: brighter where it is too dark to be read. */
export function inkOf(colour: number): number {
  let ink = colour;
  for (let share = 0; luminanceOf(ink) < INK_LUMINANCE && share <= 1; share += 0.05)
    ink = mixed(colour, 0xffffff, share);
  return ink;
}

function luminanceOf(colour: number): number {
  const linear = (shift: number): number => {
    const value = ((colour >> shift) & 0xff) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0);
}
