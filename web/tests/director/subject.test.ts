import { expect, test } from 'vitest';
import { visitTo } from '../../src/director/shot';
import { endOf, replayOf } from '../../src/director/subject';
import { event, node, ship, stateOf, storyOf } from '../build';

const followed = visitTo(storyOf({ tid: 50, kind: 'strongest', sid: 4, eid: 9, x: 10, y: 20 }));
const fight = visitTo(storyOf({ tid: 50, kind: 'fight', sid: 4, eid: null, x: 10, y: 20 }));
const fall = visitTo(storyOf({ tid: 50, kind: 'titan_falls', sid: 4, eid: 9, x: 10, y: 20 }));

test('a ship that is followed ends the shot when it falls, and when it is gone otherwise', () => {
  expect(endOf(followed, stateOf([ship({ eid: 9 })], [], 51))).toBeNull();
  const death = event({ tid: 51, kind: 'death', eid: 9 });
  // It goes on as a node under the same number.
  expect(endOf(followed, stateOf([node({ eid: 9 })], [death], 52))).toEqual({ fellTid: 51 });
  expect(endOf(followed, stateOf([ship({ eid: 8 })], [], 52))).toEqual({ fellTid: null });
});

test('what was answered before the story says nothing about its end', () => {
  expect(endOf(followed, stateOf([], [], 49))).toBeNull();
  expect(endOf(followed, { ...stateOf([]), turn: null })).toBeNull();
});

test('a fight is over when nobody near it has been hit for two turns', () => {
  const battle = (tid: number, x: number) => event({ tid, kind: 'battle', eid: 3, x, y: 20 });
  expect(endOf(fight, stateOf([], [battle(51, 12)], 52))).toBeNull();
  expect(endOf(fight, stateOf([], [battle(50, 12)], 52))).toEqual({ fellTid: null });
  expect(endOf(fight, stateOf([], [battle(52, 70)], 52)), 'another fight').toEqual({ fellTid: null });
});

test('a fight with a ship to follow is where that ship is now', () => {
  const duel = visitTo(storyOf({ tid: 50, kind: 'duel', sid: 4, eid: 9, x: 10, y: 20 }));
  const battle = event({ tid: 52, kind: 'battle', eid: 9, x: 70, y: 70 });
  expect(endOf(duel, stateOf([ship({ eid: 9, x: 70, y: 70 })], [battle], 52))).toBeNull();
});

test('a fall that is told of is shown once more while it is fresh', () => {
  expect(endOf(fall, stateOf([], [], 51))).toEqual({ fellTid: 50 });
  expect(endOf(fall, stateOf([], [], 60))).toBeNull();
});

test('the replay follows the ship from three turns before its fall, slowly, for some ten seconds', () => {
  const replay = replayOf(fall, 50, 1000);
  expect(replay?.step).toMatchObject({ sid: 4, eid: 9, isFollowing: true, turn: 47 });
  for (const periodMs of [250, 1000]) {
    const { step, lastsMs = 0 } = replayOf(followed, 50, periodMs) ?? {};
    expect(step?.play).toBeLessThan(1);
    expect(lastsMs).toBeLessThanOrEqual(10_000);
    expect(lastsMs * (step?.play ?? 1)).toBeGreaterThan(4 * periodMs);
  }
});

test('turns that last long are not played more slowly, and before the first one there is none', () => {
  expect(replayOf(followed, 50, 10_000)).toBeNull();
  expect(replayOf(followed, 2, 1000)).toBeNull();
  expect(replayOf(fight, 50, 1000)).toBeNull();
});
