import { describe, expect, test } from 'vitest';
import { Tracks } from '../../src/view/track';
import { node, ship, stateOf } from '../build';

const mark = (tid: number, given = {}) => ({ tid, x: 5, y: 5, energy: 100, shield: 100, ...given });

describe('Tracks', () => {
  test('remember where each ship was, the oldest first, and no nodes', () => {
    const tracks = new Tracks();
    tracks.take(stateOf([ship({ x: 1 }), node()], [], 7));
    tracks.take(stateOf([ship({ x: 4, shield: 90 })], [], 8));
    expect(tracks.of(1, null)).toEqual([mark(7, { x: 1 }), mark(8, { x: 4, shield: 90 })]);
    expect(tracks.of(100, null)).toEqual([]);
  });

  test('a turn that is answered twice is there once', () => {
    const tracks = new Tracks();
    tracks.take(stateOf([ship()], [], 7));
    tracks.take(stateOf([ship()], [], 7));
    expect(tracks.of(1, null)).toHaveLength(1);
  });

  test('of a past turn only what was before it', () => {
    const tracks = new Tracks();
    tracks.add(1, [mark(9), mark(7), mark(8)]);
    tracks.add(1, [mark(6), mark(8, { energy: 1 })]);
    expect(tracks.of(1, 8)).toEqual([mark(6), mark(7), mark(8)]);
  });

  test('a line does not lead over turns that nobody saw', () => {
    const tracks = new Tracks();
    tracks.add(1, [mark(1), mark(2), mark(50), mark(52)]);
    expect(tracks.of(1, null).map(({ tid }) => tid)).toEqual([50, 52]);
  });

  test('hours of turns take no more than the last ones', () => {
    const tracks = new Tracks();
    for (let tid = 1; tid <= 1000; tid += 1)
      tracks.take(stateOf([ship({ eid: tid <= 10 ? 2 : 1 })], [], tid));
    expect(tracks.of(1, null)).toHaveLength(120);
    expect(tracks.of(2, null)).toEqual([]);
    tracks.clear();
    expect(tracks.of(1, null)).toEqual([]);
  });
});
