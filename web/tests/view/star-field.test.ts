import { describe, expect, test } from 'vitest';
import { brightness, StarField } from '../../src/view/star-field';

const PLACES = [
  { sid: 1, x: 0, y: 0 },
  { sid: 2, x: 9, y: 9 },
  { sid: 3, x: 10, y: 9 },
  { sid: 4, x: 499, y: 499 },
];
const field = new StarField(PLACES);

describe('StarField', () => {
  test('finds by number', () => {
    expect(field.find(3)).toEqual(PLACES[2]);
    expect(field.find(99)).toBeNull();
  });

  test('finds the nearest star, across the tiles of its index', () => {
    expect(field.nearest({ x: 9.9, y: 9.5 }, 3)?.sid).toBe(2);
    expect(field.nearest({ x: 10.1, y: 9.5 }, 3)?.sid).toBe(3);
    expect(field.nearest({ x: -1, y: -1 }, 3)?.sid).toBe(1);
    expect(field.nearest({ x: 250, y: 250 }, 500)?.sid).toBe(3);
  });

  test('finds none beyond its reach', () => {
    expect(field.nearest({ x: 499.5, y: 496 }, 3.4)).toBeNull();
    expect(field.nearest({ x: 499.5, y: 496 }, 3.6)?.sid).toBe(4);
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
      const far = (place: { x: number; y: number }): number =>
        Math.hypot(place.x + 0.5 - point.x, place.y + 0.5 - point.y);
      const nearest = Math.min(...places.map(far));
      const found = crowded.nearest(point, 40);
      expect(found === null ? Number.POSITIVE_INFINITY : far(found)).toBe(
        nearest <= 40 ? nearest : Number.POSITIVE_INFINITY,
      );
    }
  });
});

test('a crowded star has less room than a lonely one, and an even field gives each its share', () => {
  const even = Array.from({ length: 2500 }, (_, sid) => ({
    sid,
    x: (sid % 50) * 10,
    y: Math.floor(sid / 50) * 10,
  }));
  expect(new StarField(even).room({ sid: 0, x: 250, y: 250 })).toBeCloseTo(1);
  const crowd = Array.from({ length: 99 }, (_, sid) => ({
    sid,
    x: 100 + (sid % 10),
    y: 100 + Math.floor(sid / 10),
  }));
  const lonely = { sid: 100, x: 400, y: 400 };
  const field = new StarField([...crowd, lonely]);
  expect(field.room(lonely)).toBeGreaterThan(0.5);
  expect(field.room({ sid: 0, x: 100, y: 100 })).toBeLessThan(0.1);
});

test('brightness is the rank by energy, whatever the scale', () => {
  const summary = (sid: number, energy: number) => ({ sid, energy, ships: 1, leader: 'a', leaderEnergy: 1 });
  const lights = brightness([summary(1, 5), summary(2, 1_000_000), summary(3, 6)]);
  expect([...lights]).toEqual([
    [1, 0],
    [3, 0.5],
    [2, 1],
  ]);
  expect(brightness([summary(1, 5)]).get(1)).toBe(0);
});
