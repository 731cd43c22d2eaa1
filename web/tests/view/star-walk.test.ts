import { expect, test } from 'vitest';
import { byNearness, nextToward } from '../../src/view/star-walk';

const star = (sid: number, x: number, y: number) => ({ sid, x, y });
const STARS = [star(1, 100, 100), star(2, 110, 100), star(3, 104, 103), star(4, 100, 80), star(5, 90, 100)];

test('stars are gone through by their distance from the middle', () => {
  expect(byNearness(STARS, { x: 100, y: 100 }).map(({ sid }) => sid)).toEqual([1, 3, 2, 5, 4]);
});

test('an arrow leads to the nearest star in its direction, rather straight on than aside', () => {
  const from = { x: 100, y: 100 };
  const to = (x: -1 | 0 | 1, y: -1 | 0 | 1) => nextToward(STARS, from, { x, y })?.sid ?? null;
  expect([to(1, 0), to(-1, 0), to(0, -1), to(0, 1)]).toEqual([2, 5, 4, null]);
  // At 105, 103 it is nearer, but lies aside.
  expect(nextToward([star(1, 105, 103), star(2, 110, 100)], from, { x: 1, y: 0 })?.sid).toBe(2);
  expect(nextToward([star(1, 105, 106)], from, { x: 1, y: 0 })).toBeNull();
});
