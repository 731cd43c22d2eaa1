/** What the panel says of a ship, without a DOM. */
import { describe, expect, test } from 'vitest';
import { sightOf, subtitleOf } from '../../src/panel/entity-panel';
import { lifeOf } from '../../src/panel/life';
import { courseOf } from '../../src/panel/sparkrow';
import { nearestOther } from '../../src/panel/system-panel';
import { node, ship, stateOf } from '../build';

test('the course of a figure fills its box, also where turns are missing', () => {
  const points = [
    { tid: 10, value: 0 },
    { tid: 12, value: 50 },
    { tid: 14, value: 100 },
  ];
  expect(courseOf(points, 0, 100).line).toBe('M0.0 28.0 L120.0 15.0 L240.0 2.0');
  expect(courseOf(points, 0, 100).area).toMatch(/L240 30 L0 30 Z$/);
  expect(courseOf([{ tid: 1, value: 7 }], 7, 7).line).toBe('M0.0 28.0');
});

test('a life is told in sentences; what is not known is left out', () => {
  const event = { tid: 7, x: 3, y: 4, other: null, name: null };
  const life = lifeOf([
    { ...event, kind: 'death', other: 'b', name: 'Olodan' },
    { ...event, kind: 'kill', other: 'c', name: 'Mira' },
    { ...event, kind: 'battle', other: 'b and c' },
    { ...event, tid: 6, kind: 'battle', other: 'b and c' },
    { ...event, kind: 'unheard of' },
    { ...event, kind: 'death' },
    { ...event, kind: 'spawn' },
  ]);
  expect(life.map(({ text }) => text)).toEqual([
    'Felled by Olodan of b at 3, 4',
    'Felled Mira of c at 3, 4',
    'Fought b and c at 3, 4',
    'Fell at 3, 4',
    'Born at 3, 4',
  ]);
});

test('the subtitle says the rank of a ship that has one', () => {
  const ranks = [{ eid: 1, sid: 3, name: 'Olodan', rank: 'titan', strategy: 'a' }];
  expect(subtitleOf(ship({ eid: 1, strategy: 'a' }), ranks)).toBe('Titan of a');
  expect(subtitleOf(ship({ eid: 2, strategy: 'b' }), ranks)).toBe('b');
  expect(subtitleOf(node(), ranks)).toBe('');
});

test('what is seen is counted: others first', () => {
  const me = ship({ eid: 1, strategy: 'a' });
  const state = stateOf([
    me,
    ship({ eid: 2, strategy: 'b' }),
    ship({ eid: 3, strategy: 'a' }),
    ship({ eid: 4, strategy: 'b' }),
    node({ eid: 5 }),
    ship({ eid: 6, strategy: 'b' }),
  ]);
  const look = { eid: 1, name: 'Olodan', reach: 16, sees: ({ eid }: { eid: number }) => eid > 1 && eid < 6 };
  expect(sightOf(me, state, look)).toBe('Sees 2 ships of others, 1 of its own, 1 node within 16 cells');
  expect(sightOf(me, state, { ...look, sees: () => false })).toBe(
    'Sees no ships of others, no of its own, no nodes within 16 cells',
  );
});

describe('the nearest ship of another strategy', () => {
  const state = stateOf([
    ship({ eid: 1, strategy: 'a', x: 0 }),
    ship({ eid: 2, strategy: 'a', x: 1 }),
    ship({ eid: 3, strategy: 'b', x: 9 }),
    ship({ eid: 4, strategy: 'b', x: 4, energy: 900 }),
    node({ eid: 5, x: 1 }),
  ]);

  test('is found by distance', () => {
    expect(nearestOther(state, 1)).toBe(4);
    expect(nearestOther(state, 3)).toBe(2);
  });

  test('with none selected the strongest ship is meant; where all are of one there is none', () => {
    expect(nearestOther(state, null)).toBe(4);
    expect(nearestOther(state, 5)).toBe(4);
    expect(nearestOther(stateOf([ship({ eid: 1 }), ship({ eid: 2 })]), 1)).toBeNull();
  });
});
