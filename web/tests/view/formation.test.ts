import { describe, expect, test } from 'vitest';
import { stands } from '../../src/view/formation';
import { drawnAt } from '../../src/view/motion';
import { growthOf, SHIP_LENGTH } from '../../src/view/size';
import { node, ship } from '../build';

const CELL = { x: 7, y: 8 };

function apart(entities: Parameters<typeof stands>[0], swell: number): number {
  const places = [...stands(entities).values()].map((stand) => drawnAt(stand, swell));
  return Math.min(
    ...places.flatMap((a, i) => places.slice(i + 1).map((b) => Math.hypot(a.x - b.x, a.y - b.y))),
  );
}

describe('stands', () => {
  test.each([2, 3, 5, 9])('%i ships in one cell are a hull apart at every zoom', (count) => {
    const crew = Array.from({ length: count }, (_, eid) => ship({ eid, ...CELL }));
    for (const swell of [1, 4]) expect(apart(crew, swell)).toBeGreaterThan(SHIP_LENGTH * swell);
  });

  test('beside a titan they are a titan apart', () => {
    const titan = ship({ eid: 1, ...CELL, blasters: 255, thrusters: 255 });
    expect(apart([titan, ship({ eid: 2, ...CELL })], 1)).toBeGreaterThan(SHIP_LENGTH * growthOf(titan));
  });

  test('they look at each other, and stand the same whatever their order in the answer', () => {
    const crew = [ship({ eid: 9, ...CELL }), ship({ eid: 3, ...CELL })];
    const found = stands(crew);
    expect(found).toEqual(stands([...crew].reverse()));
    for (const { dx, dy, facing } of found.values()) {
      expect(Math.cos(facing ?? 0) * dx + Math.sin(facing ?? 0) * dy).toBeCloseTo(-Math.hypot(dx, dy));
    }
  });

  test('who fell in a fight stood in it', () => {
    const found = stands([ship({ eid: 1, ...CELL }), node({ eid: 2, ...CELL })], [ship({ eid: 2, ...CELL })]);
    expect(Math.hypot(found.get(2)?.dx ?? 0, found.get(2)?.dy ?? 0)).toBeGreaterThan(SHIP_LENGTH / 2);
  });

  test('a lone ship is in the middle of its cell, and beside the node that it harvests', () => {
    expect(stands([ship({ eid: 1, ...CELL })]).get(1)).toEqual({
      x: 7.5,
      y: 8.5,
      dx: 0,
      dy: 0,
      facing: null,
    });
    const found = stands([ship({ eid: 1, ...CELL }), node({ eid: 2, ...CELL })]);
    expect(found.get(2)).toMatchObject({ x: 7.5, y: 8.5, dx: 0, dy: 0 });
    expect(found.get(1)).toMatchObject({ x: 7.5, y: 8.5 });
    expect(Math.hypot(found.get(1)?.dx ?? 0, found.get(1)?.dy ?? 0)).toBeGreaterThan(SHIP_LENGTH / 2);
  });

  test('nodes in one cell do not cover each other', () => {
    expect(apart([node({ eid: 1 }), node({ eid: 2 }), node({ eid: 3 })], 1)).toBeGreaterThan(0.5);
  });
});
