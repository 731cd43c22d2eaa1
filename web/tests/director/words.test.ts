import { expect, test } from 'vitest';
import { partsOf } from '../../src/director/words';

const names = (text: string, strategies: string[]): string[] =>
  partsOf(text, strategies)
    .filter(({ strategy }) => strategy !== null)
    .map(({ strategy }) => strategy ?? '');

test('names of strategies are found in a sentence, and all of it is kept', () => {
  const text = 'Hunter_2 takes the lead from hunter, with 35 percent.';
  const parts = partsOf(text, ['hunter', 'hunter_2']);
  expect(parts.map((part) => part.text).join('')).toBe(text);
  expect(parts.filter(({ strategy }) => strategy !== null)).toEqual([
    { text: 'Hunter_2', strategy: 'hunter_2' },
    { text: 'hunter', strategy: 'hunter' },
  ]);
});

test('a name within another word is none, and a name is no pattern', () => {
  expect(names('The hunters hunted huntera.', ['hunter'])).toEqual([]);
  expect(names('A fight of a.b and axb (c).', ['a.b', '(c)'])).toEqual(['a.b', '(c)']);
  expect(partsOf('Nobody.', [])).toEqual([{ text: 'Nobody.', strategy: null }]);
  expect(partsOf('Nobody.', [''])).toEqual([{ text: 'Nobody.', strategy: null }]);
});
