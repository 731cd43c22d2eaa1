import { expect, test } from 'vitest';
import { gradeOf, ranksQuestion, strongestQuestion } from '../../src/sql/ranks';
import { answerOf } from '../build';

const OLODAN = { eid: 4, sid: 7, name: 'Olodan', rank: 'titan', strategy: 'a' };

test('ranks are asked for in a system, the strongest of all on the map', () => {
  expect(ranksQuestion({ sid: 7, turn: 9 })?.query).toMatchObject({ args: [7], turn: 9 });
  expect(ranksQuestion({ sid: null, turn: null })).toBeNull();
  expect(strongestQuestion({ sid: null, turn: 9 })?.query.turn).toBe(9);
  expect(strongestQuestion({ sid: 7, turn: null })).toBeNull();
  for (const question of [ranksQuestion({ sid: 7, turn: 9 }), strongestQuestion({ sid: null, turn: 9 })])
    expect(question?.read(answerOf([OLODAN]))).toEqual([OLODAN]);
});

test('a higher rank has a higher grade, one that is not known has none', () => {
  expect(['raider', 'veteran', 'champion', 'titan', 'colossus'].map(gradeOf)).toEqual([1, 2, 3, 4, 5]);
  expect(gradeOf('')).toBe(0);
});
