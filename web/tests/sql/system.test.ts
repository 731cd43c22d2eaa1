import { expect, test } from 'vitest';
import { systemQuestion } from '../../src/sql/system';
import { answerOf } from '../build';

function question(sid: number, eid: number | null, turn: number | null) {
  const made = systemQuestion({ sid, eid, turn });
  if (made === null) throw new Error('in a system there is a question');
  return made;
}

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
  const state = question(1, null, null).read(answer);
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

test('the question is about one system, and live it decodes the plan of the selected entity alone', () => {
  expect(question(42, 1234, null).query.args).toEqual([1234, false, 42, 42]);
  expect(question(42, null, null).query.args).toEqual([-1, false, 42, 42]);
  expect(question(42, 1, null).query.sql.match(/\?/g)).toHaveLength(4);
  expect(question(42, 1, null).about).toBe(question(42, 2, null).about);
  expect(question(42, 1, null).about).not.toBe(question(43, 1, null).about);
});

test('about a past turn there is one question a system: every plan is decoded, whichever is selected', () => {
  expect(question(42, 1234, 7)).toEqual(question(42, null, 7));
  expect(question(42, 1234, 7).query).toMatchObject({ turn: 7, args: [-1, true, 42, 42] });
});

test('on the map there is no question about a system', () => {
  expect(systemQuestion({ sid: null, eid: null, turn: null })).toBeNull();
});
