import { describe, expect, test } from 'vitest';
import { Chase } from '../../src/view/chase';
import { legTo, poseOn } from '../../src/view/motion';

const FRAME_MS = 1000 / 60;
const SPAN = 20;

/** Follows a ship through turns of so many cells each; returns how far it was from the centre in each frame. */
function distances(cells: readonly number[], periodMs: number, frameMs = FRAME_MS): number[] {
  const chase = new Chase();
  let centre = { x: 0, y: 0 };
  let pose = { x: 30, y: 0, dx: 0, dy: 0, heading: 0, speed: 0 };
  return cells.flatMap((length) => {
    const to = { x: pose.x + length, y: 0, dx: 0, dy: 0, facing: null };
    const leg = legTo(to, pose);
    return Array.from({ length: Math.floor(periodMs / frameMs) }, (_, frame) => {
      pose = poseOn(leg, (frame * frameMs) / periodMs);
      centre = chase.step(centre, pose, to, SPAN, frameMs);
      return Math.hypot(pose.x - centre.x, pose.y - centre.y);
    });
  });
}

describe('Chase', () => {
  test('closes up within a second', () => {
    expect(distances([0], 1000).at(-1)).toBeLessThan(0.2);
  });

  test.each([1000, 100])('keeps the fastest ship in sight, a turn every %i ms', (periodMs) => {
    const far = distances([...Array(20).fill(0), 15, 15, -15, 15, -15, -15], periodMs);
    expect(Math.max(...far.slice(-Math.floor((6 * periodMs) / FRAME_MS)))).toBeLessThan(SPAN * 0.25);
  });

  test('looks ahead on the way that is left, and rests where the ship does', () => {
    const chase = new Chase();
    const at = { x: 5, y: 5 };
    let centre = at;
    for (let i = 0; i < 60; i += 1) centre = chase.step(centre, at, { x: 11, y: 5 }, SPAN, FRAME_MS);
    expect(centre.x).toBeGreaterThan(6);
    expect(centre.x - at.x).toBeLessThan(SPAN * 0.2);
    for (let i = 0; i < 200; i += 1) centre = chase.step(centre, at, at, SPAN, FRAME_MS);
    expect(centre.x).toBeCloseTo(5, 2);
  });

  test('goes the same way however long the frames are', () => {
    const [slow, fast] = [distances([0], 1200, 100).at(-1), distances([0], 1200, 10).at(-1)];
    expect(Math.abs((slow ?? 0) - (fast ?? 0))).toBeLessThan(0.1);
  });

  test('closes up again after a reset', () => {
    const chase = new Chase();
    chase.step({ x: 0, y: 0 }, { x: 0, y: 0 }, { x: 0, y: 0 }, SPAN, 1e4);
    chase.reset();
    const centre = chase.step({ x: 50, y: 0 }, { x: 0, y: 0 }, { x: 0, y: 0 }, SPAN, FRAME_MS);
    expect(centre.x).toBeGreaterThan(40);
  });
});
