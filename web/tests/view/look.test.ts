import { describe, expect, test } from 'vitest';
import { HULLS } from '../../src/view/hulls';
import { learnLooks, lookOf, PALETTE, SHAPES, strategyColour, strategyLook } from '../../src/view/look';
import { contrastOnSky } from './contrast';

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/** Machado, Oliveira, Fernandes 2009, severity 1, for linear sRGB. */
const SEEN: Readonly<Record<string, readonly [least: number, matrix: Matrix]>> = {
  'as most people': [
    0.13,
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
  ],
  'with protanopia': [
    0.085,
    [
      [0.152286, 1.052583, -0.204868],
      [0.114503, 0.786281, 0.099216],
      [-0.003882, -0.048116, 1.051998],
    ],
  ],
  'with deuteranopia': [
    0.085,
    [
      [0.367322, 0.860646, -0.227968],
      [0.280085, 0.672501, 0.047413],
      [-0.01182, 0.04294, 0.968881],
    ],
  ],
  'with tritanopia': [
    0.085,
    [
      [1.255528, -0.076749, -0.178779],
      [-0.078411, 0.930809, 0.147602],
      [0.004733, 0.691367, 0.3039],
    ],
  ],
};

describe('the colours of strategies', () => {
  test.each(Object.entries(SEEN))('lie apart %s', (_, [least, matrix]) => {
    const seen = PALETTE.map((colour) => okLab(through(matrix, linear(colour))));
    seen.forEach((one, at) => {
      for (const other of seen.slice(at + 1))
        expect(Math.hypot(...one.map((value, axis) => value - (other[axis] ?? 0)))).toBeGreaterThan(least);
    });
  });

  test('are bright enough on the dark sky', () => {
    for (const colour of PALETTE) expect(contrastOnSky(colour)).toBeGreaterThan(4.2);
  });
});

test('each of fifty strategies has a colour and a shape that no other has', () => {
  const looks = Array.from({ length: 50 }, (_, at) => lookOf(at + 1));
  expect(new Set(looks.map((look) => `${look.colour} ${look.shape}`)).size).toBe(50);
  expect(new Set(looks.slice(0, 10).map((look) => look.colour)).size).toBe(10);
  for (const { shape } of looks) expect(HULLS[shape]).toBeDefined();
  expect(HULLS).toHaveLength(SHAPES);
});

test('a look is that of the number, and the same under every version; without one, of the name', () => {
  const before = strategyColour('not_yet_known');
  expect(strategyColour('not_yet_known')).toBe(before);
  learnLooks([{ name: 'not_yet_known', number: 3 }]);
  expect(strategyLook('not_yet_known')).toEqual(lookOf(3));
});

function linear(colour: number): Triple {
  const [r = 0, g = 0, b = 0] = [16, 8, 0].map((shift) => {
    const value = ((colour >> shift) & 0xff) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return [r, g, b];
}

function through(matrix: Matrix, [r, g, b]: Triple): Triple {
  const [x = 0, y = 0, z = 0] = matrix.map((row) =>
    Math.min(Math.max(row[0] * r + row[1] * g + row[2] * b, 0), 1),
  );
  return [x, y, z];
}

/** B. Ottosson, A perceptual color space for image processing, 2020. */
function okLab([r, g, b]: Triple): Triple {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}
