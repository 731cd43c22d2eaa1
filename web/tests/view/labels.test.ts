import { expect, test } from 'vitest';
import { placed, type Wish } from '../../src/view/labels';

const FRAME = { left: 0, top: 0, right: 1000, bottom: 600 };
const wish = (key: string, x: number, y: number, weight: number): Wish => ({
  key,
  x,
  y,
  weight,
  width: 80,
  height: 16,
});

test('of labels that overlap the one that matters more is shown', () => {
  const wishes = [wish('poor', 100, 100, 1), wish('rich', 150, 105, 9), wish('far', 400, 100, 0.1)];
  expect(placed(wishes, FRAME, 9, new Set())).toEqual(new Set(['rich', 'far']));
});

test('a label that is forced is shown at the edge too, and others keep away from it', () => {
  const forced = { ...wish('selected', -20, 300, Number.POSITIVE_INFINITY), isForced: true };
  const wishes = [wish('near', 40, 305, 16), forced, wish('far', 400, 300, 1)];
  expect(placed(wishes, FRAME, 9, new Set(['near', 'selected']))).toEqual(new Set(['selected', 'far']));
});

test('no two overlap, whatever the crowd', () => {
  const wishes = Array.from({ length: 400 }, (_, i) =>
    wish(`s${i}`, (i * 7919) % 1000, (i * 104_729) % 600, i % 17),
  );
  const keys = placed(wishes, FRAME, 400, new Set());
  const shown = wishes.filter(({ key }) => keys.has(key));
  expect(shown.length).toBeGreaterThan(40);
  for (const a of shown)
    for (const b of shown)
      if (a !== b) expect(Math.abs(a.x - b.x) >= 80 || Math.abs(a.y - b.y) >= 16).toBe(true);
});

test('none leaves the frame, and no more are shown than there may be', () => {
  expect(
    placed([wish('left', -1, 50, 1), wish('right', 930, 50, 1), wish('low', 10, 597, 1)], FRAME, 9, new Set())
      .size,
  ).toBe(0);
  const row = Array.from({ length: 9 }, (_, i) => wish(`s${i}`, i * 100, 50, i));
  expect(placed(row, FRAME, 3, new Set())).toEqual(new Set(['s8', 's7', 's6']));
});

test('what is shown stays, until another matters much more', () => {
  const pair = (weight: number) => [wish('old', 100, 100, 10), wish('new', 110, 100, weight)];
  expect(placed(pair(11), FRAME, 9, new Set(['old']))).toEqual(new Set(['old']));
  expect(placed(pair(20), FRAME, 9, new Set(['old']))).toEqual(new Set(['new']));
  expect(placed(pair(11), FRAME, 9, new Set())).toEqual(new Set(['new']));
});
