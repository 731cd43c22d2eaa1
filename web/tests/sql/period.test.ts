import { expect, test } from 'vitest';
import { periodOf } from '../../src/sql/period';
import { turnsUpTo } from '../build';

test('the period is the median of the gaps: one late turn changes nothing', () => {
  const turns = turnsUpTo(9, { count: 8 });
  const late = turns.map((turn) => (turn.tid === 7 ? { ...turn, startMs: turn.startMs + 700 } : turn));
  expect(periodOf(late)).toBe(1000);
  expect(periodOf(turnsUpTo(9, { periodMs: 250 }))).toBe(250);
});

test('it needs two turns that follow each other', () => {
  expect(periodOf([])).toBeNull();
  expect(periodOf(turnsUpTo(1))).toBeNull();
  expect(periodOf(turnsUpTo(9).filter((turn) => turn.tid !== 8))).toBeNull();
});
