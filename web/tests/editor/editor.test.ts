import { expect, test } from 'vitest';
import { namesIn, optionsFor } from '../../src/editor/sql-language';
import { INKS } from '../../src/editor/theme';
import { contrast } from '../view/contrast';

const NAMES = namesIn([
  { sort: 'column', relation: 'entity', name: 'eid', detail: 'BIGINT', words: 'Number of the ship' },
  { sort: 'column', relation: 'entity', name: 'energy', detail: 'INT', words: 'What it has (energy)' },
  { sort: 'column', relation: 'turns', name: 'tid', detail: 'BIGINT', words: '' },
  { sort: 'column', relation: 'turns', name: 'eid', detail: 'BIGINT', words: 'Number of the oldest ship' },
  { sort: 'function', relation: null, name: 'abs', detail: '(x INT) → INT', words: 'Absolute value' },
  { sort: 'wasm', relation: null, name: 'root', detail: '(DOUBLE)', words: '' },
]);

const labels = (text: string) => optionsFor(NAMES, text).map(({ label }) => label);

test('columns of the relations that a statement names are offered, of all where it names none, and every function', () => {
  expect(labels('select e from entity')).toEqual(['eid', 'energy', 'abs', 'root']);
  expect(labels('select e from ENTITY join turns')).toEqual(['eid', 'energy', 'tid', 'abs', 'root']);
  expect(labels('select e')).toEqual(['eid', 'energy', 'tid', 'abs', 'root']);
  const [eid] = optionsFor(NAMES, 'select');
  expect(eid?.detail).toBe('BIGINT · entity, turns');
  expect(optionsFor(NAMES, '').find(({ label }) => label === 'abs')).toMatchObject({
    detail: '(x INT) → INT',
    apply: 'abs(',
  });
});

test('a column is offered with what it means, once for each meaning that it has', () => {
  const meaning = (name: string, text: string) =>
    optionsFor(NAMES, text).find(({ label }) => label === name)?.info;
  expect(meaning('energy', 'select')).toBe('What it has (energy)');
  expect(meaning('eid', 'select from entity')).toBe('Number of the ship');
  expect(meaning('eid', 'select')).toBe('Number of the ship\nNumber of the oldest ship');
  expect(optionsFor(NAMES, 'select from turns').map(({ info }) => info)).toContain(
    'Number of the oldest ship',
  );
});

test('every ink of the editor has a contrast of 7:1 on its ground', () => {
  for (const [name, ink] of Object.entries(INKS))
    expect(contrast(Number.parseInt(ink.slice(1), 16), 0x070b15), name).toBeGreaterThanOrEqual(7);
});
