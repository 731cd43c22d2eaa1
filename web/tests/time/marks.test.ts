import { expect, test } from 'vitest';
import type { Story } from '../../src/sql/story';
import { marksOf, placeOf, turnAt } from '../../src/time/marks';
import { clock } from '../../src/time/time-line';

const SPAN = { first: 100, last: 200 };

function story(tid: number, score: number): Story {
  return {
    tid,
    score,
    sid: 1,
    eid: null,
    x: null,
    y: null,
    kind: 'fight',
    strategy: null,
    byStrategy: null,
    text: `at ${tid}`,
  };
}

test('turns and places of the line belong together', () => {
  expect([99, 100, 150, 200, 201].map((turn) => placeOf(turn, SPAN))).toEqual([0, 0, 0.5, 1, 1]);
  for (const turn of [100, 101, 150, 200]) expect(turnAt(placeOf(turn, SPAN), SPAN)).toBe(turn);
  expect([-1, 0.504, 2].map((place) => turnAt(place, SPAN))).toEqual([100, 150, 200]);
  expect(placeOf(7, { first: 7, last: 7 })).toBe(1);
});

test('what happened at one spot is one mark: the best, and how much more there is', () => {
  const told = [
    story(150, 0.2),
    story(151, 0.9),
    story(152, 0.3),
    story(180, 0.1),
    story(99, 1),
    story(201, 1),
  ];
  const marks = marksOf(told, SPAN, 0.05);
  expect(marks.map(({ story: { tid }, more }) => [tid, more])).toEqual([
    [151, 2],
    [180, 0],
  ]);
  expect(marksOf([], SPAN, 0.05)).toEqual([]);
});

test('how long ago it was is said as a clock says it', () => {
  expect([0, 9.4, 61, 599, 3600, 3661].map(clock)).toEqual([
    '0:00',
    '0:09',
    '1:01',
    '9:59',
    '1:00:00',
    '1:01:01',
  ]);
});
