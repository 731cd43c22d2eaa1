import { expect, test } from 'vitest';
import { growthOf, SHIP_LENGTH, shipPixelsMin, swellAt, upgradesOf } from '../../src/view/size';
import { ship } from '../build';

const frame = (width: number, height: number) => ({ left: 0, top: 0, width, height });

test('near by a picture is as large as its cells, far out a ship keeps its least length', () => {
  expect(swellAt(40, 20)).toBe(1);
  for (const scale of [1, 3, 8]) expect(swellAt(scale, 20) * SHIP_LENGTH * scale).toBeCloseTo(20);
});

test('the least length suits a phone and a wall', () => {
  expect(shipPixelsMin(frame(328, 500))).toBe(16);
  expect(shipPixelsMin(frame(1000, 860))).toBeCloseTo(18.7, 1);
  expect(shipPixelsMin(frame(3000, 2100))).toBe(44);
});

test('a ship grows with what it has bought', () => {
  expect(growthOf(ship())).toBe(1);
  expect(upgradesOf(ship({ blasters: 12 }))).toBe(10);
  const lengths = [4, 20, 255].map((blasters) => growthOf(ship({ blasters })));
  expect([...lengths].sort((a, b) => a - b)).toEqual(lengths);
  expect(growthOf(ship({ blasters: 255, thrusters: 255, harvesters: 255 }))).toBeLessThan(2.5);
});
