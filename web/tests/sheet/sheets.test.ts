import { expect, test } from 'vitest';
import { cellText, summaryOf } from '../../src/sheet/console-sheet';
import { acceptance, wordsFor } from '../../src/sheet/strategies-sheet';
import { Refused, Unreachable } from '../../src/source/failure';
import { nameFrom } from '../../src/source/upload';
import { answerOf } from '../build';

test('a strategy’s name is proposed from its file', () => {
  expect(['my-fleet.v2.wasm', 'Wolf Pack.wasm', '3body.wasm', '__.wasm'].map(nameFrom)).toEqual([
    'my_fleet_v2',
    'wolf_pack',
    'strategy_3body',
    '',
  ]);
});

test('a refusal is shown in full; a lost upload says what to do', () => {
  expect(wordsFor(new Refused('found x, allowed y: do z', 422, null))).toBe('found x, allowed y: do z');
  expect(wordsFor(new Unreachable('no answer'))).toMatch(/no answer.*Try again/);
});

test('who uploads while looking at a past turn is told why the list does not show it', () => {
  expect(acceptance('mine', false)).toBe('mine is accepted.');
  expect(acceptance('mine', true)).toMatch(/^mine is accepted\. .*past turn/);
});

test('the console says how much it shows, and of which turn', () => {
  expect(summaryOf(answerOf([{ a: 1 }], 12_345), 8.25)).toBe('1 row · turn 12,345 · 8.3 ms');
  const many = Array.from({ length: 600 }, () => ({ a: 1 }));
  expect(summaryOf(answerOf(many, null), 20)).toBe('600 rows, the first 500 shown · 20 ms');
  expect(summaryOf({ ...answerOf([{ a: 1 }]), cut: 'bytes' }, 20)).toBe(
    '1 row, cut at the server’s limit of bytes · turn 7 · 20 ms',
  );
  expect([null, true, 'x', { a: 1 }].map(cellText)).toEqual(['null', 'true', 'x', '{"a":1}']);
});
