import { expect, test } from 'vitest';
import { historyQuestion, lifeQuestion, lookQuestion } from '../../src/sql/ship';
import { answerOf, node, ship } from '../build';

const VIEW = { turn: null, play: null, sid: 3, eid: 1 };

test('what a ship sees is what the server says, by number', () => {
  const look = lookQuestion(VIEW)?.read(answerOf([{ reach: 16, name: 'Olodan', seen: '8 9' }]));
  expect(look).toMatchObject({ eid: 1, name: 'Olodan', reach: 16 });
  expect([ship({ eid: 8 }), node({ eid: 9 }), ship({ eid: 1 })].map((each) => look?.sees(each))).toEqual([
    true,
    true,
    false,
  ]);
});

test('a node sees nothing, a ship in an empty place nobody', () => {
  expect(lookQuestion(VIEW)?.read(answerOf([]))).toBeNull();
  const look = lookQuestion(VIEW)?.read(answerOf([{ reach: 16, name: 'Olodan', seen: null }]));
  expect(look?.sees(ship({ eid: 2 }))).toBe(false);
});

test('nothing is asked where no ship is selected', () => {
  expect(lookQuestion({ ...VIEW, eid: null })).toBeNull();
  expect(lifeQuestion({ ...VIEW, sid: null })).toBeNull();
  expect(lifeQuestion({ ...VIEW, turn: 9, play: 4 })).toBeNull();
  expect(historyQuestion({ ...VIEW, turn: 9, play: 4 })).toBeNull();
  expect(lifeQuestion({ ...VIEW, turn: 9 })?.query).toMatchObject({ args: [3, 1, 3, 1, 3, 1, 3], turn: 9 });
});

test('the history of a ship is asked for once, not with every turn', () => {
  const mark = { tid: 4, x: 1, y: 2, energy: 30, shield: 40 };
  const question = historyQuestion(VIEW);
  expect(question?.pace).toBe('connection');
  expect(question?.read(answerOf([mark]))).toEqual({ eid: 1, marks: [mark] });
  expect(historyQuestion({ ...VIEW, eid: null })).toBeNull();
});
