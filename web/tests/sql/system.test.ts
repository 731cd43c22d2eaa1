import { expect, test } from 'vitest';
import { readSystem, systemQuery } from '../../src/sql/system';
import { answerOf } from '../build';

const NULLS = {
  kind: null,
  energy: null,
  shield: null,
  blasters: null,
  thrusters: null,
  harvesters: null,
  last_plan: null,
  plan: null,
};

test('entities and events come from one answer, so they belong to one turn', () => {
  const answer = answerOf(
    [
      {
        event: null,
        tid: 0,
        eid: 1,
        strategy: 'a',
        x: 3,
        y: 4,
        kind: 1,
        energy: 9,
        shield: 8,
        blasters: 2,
        thrusters: 3,
        harvesters: 4,
        last_plan: '18446744073709551615',
        plan: 'Hold',
        by_strategy: null,
      },
      {
        event: null,
        tid: 0,
        eid: 2,
        strategy: null,
        x: 5,
        y: 6,
        kind: 2,
        energy: 9,
        shield: 0,
        blasters: 0,
        thrusters: 0,
        harvesters: 0,
        last_plan: '0',
        plan: null,
        by_strategy: null,
      },
      { event: 'death', tid: 7, eid: 2, strategy: 'b', x: 5, y: 6, ...NULLS, by_strategy: 'a' },
    ],
    7,
  );
  const state = readSystem(answer);
  expect(state.turn).toBe(7);
  expect(state.entities).toEqual([
    {
      eid: 1,
      kind: 'ship',
      strategy: 'a',
      x: 3,
      y: 4,
      energy: 9,
      shield: 8,
      blasters: 2,
      thrusters: 3,
      harvesters: 4,
      lastPlan: '18446744073709551615',
      plan: 'Hold',
    },
    expect.objectContaining({ eid: 2, kind: 'node', strategy: null }),
  ]);
  expect(state.events).toEqual([
    { tid: 7, kind: 'death', eid: 2, strategy: 'b', x: 5, y: 6, byStrategy: 'a' },
  ]);
});

test('the query asks for one system, and decodes the plan of the selected entity alone', () => {
  expect(systemQuery(42, 1234).args).toEqual([1234, 42, 42]);
  expect(systemQuery(42, null).args).toEqual([-1, 42, 42]);
  expect(systemQuery(42, 1).sql.match(/\?/g)).toHaveLength(3);
});
