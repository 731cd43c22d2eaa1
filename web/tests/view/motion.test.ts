import { describe, expect, test } from 'vitest';
import { indexed, legTo, places, poseOn, TRAVEL_SHARE, turned } from '../../src/view/motion';
import { node, ship, stateOf } from '../build';

const START = { x: 10, y: 10, heading: 0, speed: 0 };

describe('poseOn', () => {
  test('goes from where the ship was drawn to its new cell, and waits there for the turn to end', () => {
    const leg = legTo({ x: 14, y: 10 }, START);
    expect(poseOn(leg, 0)).toMatchObject({ x: 10, y: 10, speed: 0 });
    expect(poseOn(leg, TRAVEL_SHARE / 2).x).toBeCloseTo(12);
    expect(poseOn(leg, TRAVEL_SHARE)).toMatchObject({ x: 14, y: 10, speed: 0 });
    expect(poseOn(leg, 5)).toMatchObject({ x: 14, y: 10 });
    expect(poseOn(leg, -1)).toMatchObject({ x: 10, y: 10 });
  });

  test('never goes back', () => {
    const leg = legTo({ x: 10, y: 30 }, START);
    const ys = Array.from({ length: 50 }, (_, i) => poseOn(leg, i / 49).y);
    expect(ys.every((y, i) => i === 0 || y >= (ys[i - 1] ?? 0))).toBe(true);
  });

  test('turns towards its way, and keeps its heading when it stays', () => {
    expect(poseOn(legTo({ x: 10, y: 30 }, START), 1).heading).toBeCloseTo(Math.PI / 2);
    expect(poseOn(legTo({ x: 10.2, y: 10.1 }, { ...START, heading: 1 }), 1).heading).toBe(1);
  });

  test('who has just appeared is where it is', () => {
    expect(poseOn(legTo({ x: 3, y: 4 }, null), 0.4)).toMatchObject({ x: 3, y: 4, speed: 0 });
  });
});

test('turned takes the shorter way round', () => {
  expect(turned(0.1, -0.1, 1)).toBeCloseTo(-0.1);
  expect(turned(3, -3, 0.5)).toBeCloseTo(Math.PI);
  expect(turned(0, 1, 0)).toBe(0);
});

describe('places', () => {
  test('a lone ship is in the middle of its cell, over the node it harvests', () => {
    const found = places([ship({ eid: 1, x: 7, y: 8 }), node({ eid: 2, x: 7, y: 8 })]);
    expect(found.get(1)).toEqual({ x: 7.5, y: 8.5 });
    expect(found.get(2)).toEqual({ x: 7.5, y: 8.5 });
  });

  test('ships that share a cell stand apart in it, whatever their order in the answer', () => {
    const crew = [ship({ eid: 9, x: 7, y: 8 }), ship({ eid: 3, x: 7, y: 8 })];
    const found = places(crew);
    expect(found).toEqual(new Map([...places([...crew].reverse())].reverse()));
    const [a, b] = [found.get(9), found.get(3)];
    expect(Math.hypot((a?.x ?? 0) - (b?.x ?? 0), (a?.y ?? 0) - (b?.y ?? 0))).toBeCloseTo(0.6);
    for (const place of found.values()) expect([Math.floor(place.x), Math.floor(place.y)]).toEqual([7, 8]);
  });
});

test('indexed finds by eid, and nothing before the first answer', () => {
  expect(indexed(stateOf([ship({ eid: 4 })])).get(4)?.eid).toBe(4);
  expect(indexed(null).size).toBe(0);
});
