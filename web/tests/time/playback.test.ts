import { beforeEach, expect, test } from 'vitest';
import type { Arrive } from '../../src/place/address';
import { MAP, type Place } from '../../src/place/place';
import { otherSpeed, Playback, strideOf } from '../../src/time/playback';

let place: Place;
let listeners: Arrive[];
let nowMs: number;
let timer: { atMs: number; action: () => void } | null;
let there: Set<number>;
let asked: Set<number>;
let playback: Playback;

function move(change: Partial<Place>): void {
  const from = place;
  place = { ...place, ...change };
  for (const listener of listeners) listener(place, from);
}

/** Lets time pass; the turns that are shown meanwhile, 'live' where that is what is shown. */
function pass(ms: number): (number | 'live')[] {
  const shown: (number | 'live')[] = [];
  const end = nowMs + ms;
  while (timer !== null && timer.atMs <= end) {
    const { atMs, action } = timer;
    timer = null;
    nowMs = atMs;
    const before = place.turn;
    action();
    if (place.turn !== before) shown.push(place.turn ?? 'live');
  }
  nowMs = end;
  return shown;
}

beforeEach(() => {
  place = MAP;
  listeners = [];
  nowMs = 0;
  timer = null;
  there = new Set(Array.from({ length: 200 }, (_, i) => i));
  asked = new Set();
  const address = {
    get place() {
      return place;
    },
    go: move,
    drift: move,
    listen(listener: Arrive) {
      listeners.push(listener);
      listener(place, null);
    },
  };
  const prefetch = (turn: number): boolean => {
    asked.add(turn);
    return there.has(turn);
  };
  const after = (delayMs: number, action: () => void): (() => void) => {
    const mine = { atMs: nowMs + delayMs, action };
    timer = mine;
    return () => {
      if (timer === mine) timer = null;
    };
  };
  playback = new Playback(address, { prefetch }, after, () => nowMs);
  playback.know({ oldest: 10, newest: 100, memory: 93, tells: true });
});

test('space stands still at the newest turn, then plays on from it', () => {
  playback.toggle();
  expect([place.turn, place.play]).toEqual([100, null]);
  playback.seek(50);
  playback.toggle();
  expect(place.play).toBe(1);
  expect(pass(3100)).toEqual([51, 52, 53]);
  playback.toggle();
  expect(place.play).toBeNull();
  expect(pass(3000)).toEqual([]);
});

test('space before it is known which turns there are takes effect once it is', () => {
  const early = new Playback(
    { place: MAP, go: move, drift: move, listen: () => {} },
    { prefetch: () => true },
    () => () => {},
    () => 0,
  );
  early.toggle();
  expect(place.turn).toBeNull();
  early.know({ oldest: 1, newest: 30, memory: 20, tells: false });
  expect(place.turn).toBe(30);
});

test('steps stay within what is kept, and one past the newest turn is live', () => {
  playback.step(-3);
  expect(place.turn).toBe(97);
  playback.step(-500);
  expect(place.turn).toBe(10);
  playback.step(500);
  expect(place.turn).toBeNull();
});

test('a turn is shown when it is due and there, not before', () => {
  move({ turn: 50, play: 2 });
  there.delete(52);
  expect(pass(600)).toEqual([51]);
  expect(asked.has(54)).toBe(true);
  expect(pass(2000)).toEqual([]);
  there.add(52);
  expect(pass(300)).toEqual([52]);
  there.delete(53);
  expect(pass(6000)[0], 'what does not come is shown as missing').toBe(53);
});

test('slow is slow, and fast leaves turns out', () => {
  move({ turn: 50, play: 0.25 });
  expect(pass(8100)).toEqual([51, 52]);
  move({ turn: 20, play: 16 });
  expect(strideOf(16)).toBe(4);
  expect(pass(1100)).toEqual([24, 28, 32, 36]);
  playback.faster(-1);
  expect(place.play).toBe(8);
  expect([otherSpeed(16, 1), otherSpeed(0.25, -1), otherSpeed(3, 1)]).toEqual([16, 0.25, 4]);
});

test('who plays up to the newest turn is live again', () => {
  move({ turn: 97, play: 16 });
  expect(pass(2000).at(-1)).toBe('live');
  expect(place.play).toBeNull();
});

test('the turn before is replayed slowly, and what was shown goes on', () => {
  playback.replay();
  expect([place.turn, place.play]).toEqual([99, 0.25]);
  expect(pass(12_000).at(-1)).toBe('live');
  move({ turn: 60, play: null });
  playback.replay();
  expect(pass(20_000)).toEqual([60]);
  expect([place.turn, place.play]).toEqual([60, null]);
});

test('who goes elsewhere during a replay has left it', () => {
  move({ turn: 50, play: 1 });
  playback.replay();
  expect([place.turn, place.play]).toEqual([49, 0.25]);
  // Back, and what is played then does not end where the replay would have.
  move({ turn: 50, play: 1 });
  expect(pass(3100)).toEqual([51, 52, 53]);
  move(MAP);
  playback.replay();
  move(MAP);
  move({ turn: 97, play: 0.25 });
  expect(pass(9000)).toEqual([98, 99]);
  move({ turn: 101, play: 1 });
  expect(pass(3100), 'nor is the page live where the replay would have been').toEqual([102, 103, 104]);
});

test('a replay goes on at another speed, and with a ship selected', () => {
  move({ turn: 60, play: null });
  playback.replay();
  playback.faster(1);
  move({ eid: 7 });
  expect(pass(20_000)).toEqual([60]);
  expect([place.turn, place.play, place.eid]).toEqual([60, null, 7]);
});
