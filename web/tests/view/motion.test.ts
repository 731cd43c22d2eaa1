import { describe, expect, test } from 'vitest';
import type { Stand } from '../../src/view/formation';
import { drawnAt, indexed, legTo, poseOn, TRAVEL_SHARE, turned } from '../../src/view/motion';
import { ship, stateOf } from '../build';

const START = { x: 10, y: 10, dx: 0, dy: 0, heading: 0, speed: 0 };
const stand = (x: number, y: number, given: Partial<Stand> = {}): Stand => ({
  x,
  y,
  dx: 0,
  dy: 0,
  facing: null,
  ...given,
});

describe('poseOn', () => {
  test('goes from where the ship was drawn to its new cell, and waits there for the turn to end', () => {
    const leg = legTo(stand(14, 10), START);
    expect(poseOn(leg, 0)).toMatchObject({ x: 10, y: 10, speed: 0 });
    expect(poseOn(leg, TRAVEL_SHARE / 2).x).toBeCloseTo(12);
    expect(poseOn(leg, TRAVEL_SHARE)).toMatchObject({ x: 14, y: 10, speed: 0 });
    expect(poseOn(leg, 5)).toMatchObject({ x: 14, y: 10 });
    expect(poseOn(leg, -1)).toMatchObject({ x: 10, y: 10 });
  });

  test('never goes back', () => {
    const leg = legTo(stand(10, 30), START);
    const ys = Array.from({ length: 50 }, (_, i) => poseOn(leg, i / 49).y);
    expect(ys.every((y, i) => i === 0 || y >= (ys[i - 1] ?? 0))).toBe(true);
  });

  test('turns towards its way, and keeps its heading when it stays', () => {
    expect(poseOn(legTo(stand(10, 30), START), 1).heading).toBeCloseTo(Math.PI / 2);
    expect(poseOn(legTo(stand(10.2, 10.1), { ...START, heading: 1 }), 1).heading).toBe(1);
  });

  test('arrives in its formation, and turns to what it faces there', () => {
    const leg = legTo(stand(14, 10, { dx: 0.9, dy: 0, facing: Math.PI }), START);
    expect(poseOn(leg, TRAVEL_SHARE / 2)).toMatchObject({ dx: 0.45, heading: 0 });
    expect(poseOn(leg, 1)).toMatchObject({ x: 14, dx: 0.9 });
    expect(Math.abs(poseOn(leg, 1).heading)).toBeCloseTo(Math.PI);
  });

  test('who has just appeared is where it is', () => {
    expect(poseOn(legTo(stand(3, 4), null), 0.4)).toMatchObject({ x: 3, y: 4, speed: 0 });
  });
});

test('what stands beside its cell stands further from it in an enlarged picture', () => {
  expect(drawnAt({ x: 4.5, y: 4.5, dx: 0.5, dy: -1 }, 3)).toEqual({ x: 6, y: 1.5 });
});

test('turned takes the shorter way round', () => {
  expect(turned(0.1, -0.1, 1)).toBeCloseTo(-0.1);
  expect(turned(3, -3, 0.5)).toBeCloseTo(Math.PI);
  expect(turned(0, 1, 0)).toBe(0);
});

test('indexed finds by eid, and nothing before the first answer', () => {
  expect(indexed(stateOf([ship({ eid: 4 })])).get(4)?.eid).toBe(4);
  expect(indexed(null).size).toBe(0);
});
