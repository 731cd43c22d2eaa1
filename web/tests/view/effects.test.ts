import { describe, expect, test } from 'vitest';
import { effectsOf, fallenOf, newestTid } from '../../src/view/effects';
import { event, node, ship, stateOf } from '../build';

const BEFORE = stateOf([], [], 6);
const fighter = (eid: number, blasters = 0) => ({ eid, strategy: 'strategy_default', blasters });

describe('effectsOf', () => {
  test('one battle a cell, with all who fight in it', () => {
    const events = [event({ eid: 1 }), event({ eid: 2 }), event({ eid: 3, x: 9 })];
    expect(effectsOf(BEFORE, stateOf([], events), 6)).toEqual([
      { kind: 'battle', x: 5, y: 5, fighters: [fighter(1), fighter(2)] },
      { kind: 'battle', x: 9, y: 5, fighters: [fighter(3)] },
    ]);
  });

  test('who fights has the blasters that it was seen with, also after its fall', () => {
    const before = stateOf([ship({ eid: 1, blasters: 40 })], [], 6);
    const after = stateOf(
      [node({ eid: 1 }), ship({ eid: 2, blasters: 7 })],
      [event({ eid: 1 }), event({ eid: 2 })],
    );
    expect(effectsOf(before, after, 6)).toEqual([
      { kind: 'battle', x: 5, y: 5, fighters: [fighter(1, 40), fighter(2, 7)] },
    ]);
  });

  test('battles of two turns in one cell are two', () => {
    const events = [event({ tid: 7 }), event({ tid: 8 })];
    expect(effectsOf(BEFORE, stateOf([], events, 8), 6)).toHaveLength(2);
  });

  test('spawns, deaths and starved ships, where they happened', () => {
    const events = ['spawn', 'death', 'starve', 'fault', 'unheard of'].map((kind, i) =>
      event({ kind, eid: i, x: i }),
    );
    expect(effectsOf(BEFORE, stateOf([], events), 6).map((effect) => [effect.kind, effect.x])).toEqual([
      ['spawn', 0],
      ['death', 1],
      ['starve', 2],
    ]);
  });

  test('what was shown is not shown again', () => {
    const state = stateOf([], [event({ tid: 6 }), event({ tid: 7, x: 1 })]);
    expect(effectsOf(BEFORE, state, 6)).toHaveLength(1);
    expect(effectsOf(BEFORE, state, newestTid(state, 6))).toEqual([]);
  });

  test('who has just arrived sees the newest turn only', () => {
    const state = stateOf([], [event({ tid: 5 }), event({ tid: 6 }), event({ tid: 7, x: 1 })]);
    expect(effectsOf(null, state, 0)).toEqual([{ kind: 'battle', x: 1, y: 5, fighters: [fighter(1)] }]);
  });

  test('a node that lost energy under a ship was harvested, also when it went out', () => {
    const before = stateOf([node({ eid: 100, energy: 10 }), node({ eid: 101, x: 9, energy: 2 })]);
    const after = stateOf([ship({ eid: 1 }), ship({ eid: 2, x: 9 }), node({ eid: 100, energy: 8 })]);
    expect(effectsOf(before, after, 7)).toEqual([
      { kind: 'harvest', eid: 1, node: 100, x: 5, y: 5 },
      { kind: 'harvest', eid: 2, node: 101, x: 9, y: 5 },
    ]);
  });

  test('a node that lost nothing, or where no ship is, was not', () => {
    const before = stateOf([
      node({ eid: 100 }),
      node({ eid: 101, x: 9, energy: 2 }),
      ship({ eid: 3, energy: 50 }),
    ]);
    const after = stateOf([ship({ eid: 3, energy: 10 }), node({ eid: 100 })]);
    expect(effectsOf(before, after, 7)).toEqual([]);
    expect(effectsOf(null, after, 7)).toEqual([]);
  });
});

test('newestTid never goes back', () => {
  expect(newestTid(stateOf([], [event({ tid: 3 })]), 9)).toBe(9);
  expect(newestTid(stateOf([], []), 9)).toBe(9);
});

describe('fallenOf', () => {
  const before = stateOf([ship({ eid: 1, x: 2 }), ship({ eid: 2 })], [], 6);
  const death = event({ kind: 'death', eid: 1, x: 9 });

  test('ships as they were, where they fell', () => {
    expect(fallenOf(before, stateOf([node({ eid: 1, x: 9 })], [death, event({ eid: 2 })]), 6)).toEqual([
      ship({ eid: 1, x: 9 }),
    ]);
  });

  test('none that were shown to fall before, or were never seen', () => {
    expect(fallenOf(before, stateOf([], [death]), 7)).toEqual([]);
    expect(fallenOf(null, stateOf([], [death]), 6)).toEqual([]);
  });
});
