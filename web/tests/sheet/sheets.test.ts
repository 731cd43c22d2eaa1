import { expect, test } from 'vitest';
import { acceptance, wordsFor } from '../../src/sheet/strategies-sheet';
import { Refused, Unreachable } from '../../src/source/failure';
import { nameFrom } from '../../src/source/upload';

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
