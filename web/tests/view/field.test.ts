import { expect, test } from 'vitest';
import { FIELD_FROM, FIELD_SIDE, FIELD_SPAN, heatField, spread, territories } from '../../src/view/field';
import { BALANCE, HEAT } from '../../src/view/ramp';

const RED = 0xff0000;
const BLUE = 0x0000ff;

/** Red, green, blue of the field at a cell of the map. */
function colourAt(pixels: Uint8Array, x: number, y: number): number[] {
  const texel = FIELD_SPAN / FIELD_SIDE;
  const at = Math.floor((y - FIELD_FROM) / texel) * FIELD_SIDE + Math.floor((x - FIELD_FROM) / texel);
  return [...pixels.subarray(at * 4, at * 4 + 3)];
}

function finished<T>(work: Iterator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

test('spreading keeps the sum and the middle, and reaches as far as it says', () => {
  const grid = spread([{ x: 200, y: 300, weight: 7 }], 20);
  const texel = FIELD_SPAN / FIELD_SIDE;
  let [sum, x, y, square] = [0, 0, 0, 0];
  grid.forEach((value, at) => {
    sum += value;
    x += value * (FIELD_FROM + ((at % FIELD_SIDE) + 0.5) * texel);
    y += value * (FIELD_FROM + (Math.floor(at / FIELD_SIDE) + 0.5) * texel);
    square += value * (FIELD_FROM + ((at % FIELD_SIDE) + 0.5) * texel - 200) ** 2;
  });
  expect(sum).toBeCloseTo(7, 3);
  expect(x / sum).toBeCloseTo(200, 2);
  expect(y / sum).toBeCloseTo(300, 2);
  expect(Math.sqrt(square / sum)).toBeGreaterThan(17);
  expect(Math.sqrt(square / sum)).toBeLessThan(23);
});

test('what lies outside of the field is left out', () => {
  expect(spread([{ x: -900, y: 10, weight: 1 }], 10).every((value) => value === 0)).toBe(true);
});

test('each place has the colour of the strategy whose energy is there', () => {
  const { pixels, hearts } = finished(
    territories(
      [
        { strategy: 'red', colour: RED, deposits: [{ x: 100, y: 100, weight: 50 }] },
        { strategy: 'blue', colour: BLUE, deposits: [{ x: 400, y: 400, weight: 50 }] },
      ],
      20,
    ),
  );
  const [red, , none] = colourAt(pixels, 100, 100);
  expect(red).toBeGreaterThan(150);
  expect(none).toBe(0);
  expect(colourAt(pixels, 400, 400)[2]).toBeGreaterThan(150);
  expect(colourAt(pixels, 400, 100)).toEqual([0, 0, 0]);
  expect(hearts.map(({ strategy }) => strategy)).toEqual(['red', 'blue']);
  expect(Math.hypot((hearts[0]?.x ?? 0) - 100, (hearts[0]?.y ?? 0) - 100)).toBeLessThan(6);
  expect(hearts[1]?.share).toBeCloseTo(1);
});

test('energy decides, not the number of places', () => {
  const rich = { strategy: 'red', colour: RED, deposits: [{ x: 250, y: 250, weight: 900 }] };
  const many = Array.from({ length: 30 }, (_, i) => ({
    x: 245 + (i % 6) * 2,
    y: 245 + (i % 5) * 2,
    weight: 3,
  }));
  const { pixels } = finished(territories([{ strategy: 'blue', colour: BLUE, deposits: many }, rich], 20));
  const [red = 0, , blue = 0] = colourAt(pixels, 250, 250);
  expect(red).toBeGreaterThan(blue * 3);
});

test('who is stronger at a place than elsewhere is seen there, and who leads by far leads all the same', () => {
  const leader = [
    { x: 100, y: 100, weight: 60 },
    { x: 400, y: 400, weight: 60 },
  ];
  const colours = (weight: number): number[] =>
    colourAt(
      finished(
        territories(
          [
            { strategy: 'blue', colour: BLUE, deposits: leader },
            { strategy: 'red', colour: RED, deposits: [{ x: 400, y: 400, weight }] },
          ],
          20,
        ),
      ).pixels,
      400,
      400,
    );
  const [red = 0, , blue = 0] = colours(50);
  expect(red).toBeGreaterThan(blue);
  const [few = 0, , most = 0] = colours(5);
  expect(most).toBeGreaterThan(few * 2);
});

test('where two are equally strong a seam is darker than the same energy of one', () => {
  // The middle of a texel, so that both are equally far from it.
  const at = FIELD_FROM + 64.5 * (FIELD_SPAN / FIELD_SIDE);
  const left = { x: at - 35, y: at, weight: 9 };
  const right = { x: at + 35, y: at, weight: 9 };
  const middle = (claims: Parameters<typeof territories>[0]): number =>
    colourAt(finished(territories(claims, 20)).pixels, at, at).reduce((sum, value) => sum + value ** 2, 0);
  const two = middle([
    { strategy: 'red', colour: RED, deposits: [left] },
    { strategy: 'blue', colour: BLUE, deposits: [right] },
  ]);
  expect(two).toBeLessThan(0.6 * middle([{ strategy: 'red', colour: RED, deposits: [left, right] }]));
});

test('no ships, no territories', () => {
  expect(finished(territories([], 20)).pixels.every((value) => value === 0)).toBe(true);
});

test('a heat is strongest where the figure is largest, and tells loss from gain', () => {
  const { pixels } = heatField(
    [
      { x: 100, y: 100, weight: 90 },
      { x: 400, y: 400, weight: 10 },
    ],
    HEAT,
    20,
  );
  const sum = (colour: number[]): number => colour.reduce((a, b) => a + b, 0);
  expect(sum(colourAt(pixels, 100, 100))).toBeGreaterThan(sum(colourAt(pixels, 400, 400)) * 1.5);
  const change = heatField(
    [
      { x: 100, y: 100, weight: -9 },
      { x: 400, y: 400, weight: 9 },
    ],
    BALANCE,
    20,
  ).pixels;
  const [lossRed = 0, , lossBlue = 0] = colourAt(change, 100, 100);
  const [gainRed = 0, , gainBlue = 0] = colourAt(change, 400, 400);
  expect(lossRed).toBeGreaterThan(lossBlue);
  expect(gainBlue).toBeGreaterThan(gainRed);
});
