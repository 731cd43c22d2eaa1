import { expect, test } from 'vitest';
import { MouseRest } from '../../src/director/input';
import { idleMs } from '../../src/director/watch';
import { MAP } from '../../src/place/place';

test('the tour begins by itself after 20 s, later for who has selected a ship', () => {
  expect(idleMs(MAP)).toBe(20_000);
  expect(idleMs({ ...MAP, sid: 4 })).toBe(20_000);
  expect(idleMs({ ...MAP, sid: 4, eid: 9 })).toBe(60_000);
  expect(idleMs({ ...MAP, idleSeconds: 2 })).toBe(2000);
});

test('it does not begin by itself in a past turn, beside a sheet, or for who does not want it', () => {
  for (const place of [{ turn: 7 }, { sheet: 'help' as const }, { idleSeconds: 0 }, { isTouring: true }])
    expect(idleMs({ ...MAP, ...place })).toBeNull();
});

test('a mouse that trembles or is nudged was not moved', () => {
  const rest = new MouseRest();
  for (let i = 0; i < 100; i += 1) expect(rest.isLeft(500 + (i % 5), 300, i * 50)).toBe(false);
  // Nudged a little each minute, it is never far from where it last rested.
  for (let i = 0; i < 20; i += 1) expect(rest.isLeft(500 + i * 10, 300, 60_000 * (i + 1))).toBe(false);
});

test('a mouse that is moved on purpose was', () => {
  const rest = new MouseRest();
  const moves = Array.from({ length: 10 }, (_, i) => rest.isLeft(500 + i * 6, 300, i * 16));
  expect(moves.slice(0, 5)).toEqual([false, false, false, false, false]);
  expect(moves.at(-1)).toBe(true);
});
