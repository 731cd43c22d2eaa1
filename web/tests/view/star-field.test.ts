import { describe, expect, test } from 'vitest';
import { MAP_SIDE } from '../../src/sql/space';
import { StarField } from '../../src/view/star-field';

const PLACES = [
  { sid: 1, x: 0, y: 0 },
  { sid: 2, x: 9, y: 9 },
  { sid: 3, x: 10, y: 9 },
  { sid: 4, x: 499, y: 499 },
];
const field = new StarField(PLACES);

describe('StarField', () => {
  test('finds by number', () => {
    expect(field.find(3)).toMatchObject(PLACES[2] ?? {});
    expect(field.find(99)).toBeNull();
  });

  test('finds the nearest star, across the tiles of its index', () => {
    for (const star of field.stars) {
      expect(field.nearest({ x: star.at.x + 0.01, y: star.at.y }, 3)?.sid).toBe(star.sid);
      expect(field.nearest({ x: star.at.x - 25, y: star.at.y }, 500)).not.toBeNull();
    }
  });

  test('finds none beyond its reach', () => {
    const { at } = field.find(4) ?? { at: { x: 0, y: 0 } };
    expect(field.nearest({ x: at.x, y: at.y - 4 }, 3.9)).toBeNull();
    expect(field.nearest({ x: at.x, y: at.y - 4 }, 4.1)?.sid).toBe(4);
  });

  test('agrees with looking at every star', () => {
    const places = Array.from({ length: 300 }, (_, sid) => ({
      sid,
      x: (sid * 7919) % 500,
      y: (sid * 104_729) % 500,
    }));
    const crowded = new StarField(places);
    for (let i = 0; i < 100; i += 1) {
      const point = { x: (i * 61.3) % 500, y: (i * 17.7) % 500 };
      const far = ({ at }: { at: { x: number; y: number } }): number =>
        Math.hypot(at.x - point.x, at.y - point.y);
      const nearest = Math.min(...crowded.stars.map(far));
      const found = crowded.nearest(point, 40);
      expect(found === null ? Number.POSITIVE_INFINITY : far(found)).toBe(
        nearest <= 40 ? nearest : Number.POSITIVE_INFINITY,
      );
    }
  });
});

/** So many systems in every cell from one on, row by row. */
function block(count: number, from: number, side: number) {
  return Array.from({ length: count }, (_, i) => ({
    sid: from * 1000 + i,
    x: from + (i % side),
    y: from + Math.floor(i / side),
  }));
}

test('a crowded star has less room than a lonely one, and an even field gives each its share', () => {
  const even = Array.from({ length: 2500 }, (_, sid) => ({
    sid,
    x: (sid % 50) * 10 + 5,
    y: Math.floor(sid / 50) * 10 + 5,
  }));
  const evenField = new StarField(even);
  const middle = evenField.nearest({ x: 255, y: 255 }, 10);
  expect(middle === null ? 0 : evenField.room(middle)).toBeCloseTo(1);
  const crowded = new StarField([...block(99, 100, 10), { sid: 7, x: 400, y: 400 }]);
  const room = (sid: number): number => {
    const star = crowded.find(sid);
    return star === null ? Number.NaN : crowded.room(star);
  };
  expect(room(7)).toBeGreaterThan(0.5);
  expect(room(100_000)).toBeLessThan(0.12);
});

test('a star is in the cell of its system, but not always at the same spot of it', () => {
  const stars = new StarField(block(400, 200, 20)).stars;
  for (const { x, y, at } of stars) {
    expect(Math.floor(at.x)).toBe(x);
    expect(Math.floor(at.y)).toBe(y);
  }
  const parts = stars.map(({ x, at }) => at.x - x);
  expect(Math.max(...parts) - Math.min(...parts)).toBeGreaterThan(0.8);
  expect(new StarField(block(400, 200, 20)).stars).toEqual(stars);
});

test('a full map has no straight edge', () => {
  const edge = Array.from({ length: MAP_SIDE }, (_, y) => ({ sid: y, x: 0, y }));
  const beyond = new StarField(edge).stars.filter(({ at }) => at.x < -1).length;
  expect(beyond).toBeGreaterThan(100);
  expect(beyond).toBeLessThan(400);
});

test('neighbours come nearest first, as many as are asked for or as there are', () => {
  const stars = new StarField(block(100, 50, 10));
  const star = stars.nearest({ x: 55, y: 55 }, 5);
  if (star === null) throw new Error('there is a star');
  const near = stars.around(star, 5);
  const far = near.map(({ at }) => Math.hypot(at.x - star.at.x, at.y - star.at.y));
  expect(near).toHaveLength(5);
  expect(far).toEqual([...far].sort((a, b) => a - b));
  expect(near).not.toContain(star);
  expect(field.around(field.stars[0] ?? star, 9)).toHaveLength(3);
});
