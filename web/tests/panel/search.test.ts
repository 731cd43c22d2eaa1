import { describe, expect, test } from 'vitest';
import { emptyWords, find, linesFor, stepTo, wordsOf } from '../../src/panel/search';
import { MAP } from '../../src/place/place';
import type { Query } from '../../src/source/request';
import { readFound, searchQuery, WISHES, wishesFor } from '../../src/sql/search';
import { answerOf } from '../build';

const SHIP = { kind: 'ship', sid: 4, eid: 77, strategy: 'a', energy: 1200, blasters: 9, status: null };
const SYSTEM = {
  kind: 'system',
  sid: 4,
  eid: null,
  strategy: null,
  energy: null,
  blasters: 31,
  status: null,
};
const STRATEGY = {
  ...SYSTEM,
  kind: 'strategy',
  sid: null,
  strategy: 'flee',
  blasters: null,
  status: 'flying',
};

describe('what is typed', () => {
  test('is a number of a system or a ship, a wish, or a part of a name', () => {
    expect(searchQuery(' 42 ', null, 1)).toMatchObject({ args: [42, 42, 42] });
    expect(searchQuery(' 42 ', null, 1).sql).toContain('from solar_system where sid = ?');
    expect(searchQuery('Flee', 7, 1)).toMatchObject({ args: ['Flee', 'Flee'], turn: 7 });
    expect(searchQuery("'; --", null, 1).args).toEqual(["'; --", "'; --"]);
    expect(searchQuery('9'.repeat(20), null, 1).args).toEqual(['9'.repeat(20), '9'.repeat(20)]);
    expect(searchQuery('Richest ', null, 1)).toMatchObject({ sql: WISHES.richest?.sql, args: [] });
    expect(searchQuery('random', null, 5).args).toEqual([5]);
  });

  test('is completed to the wishes that begin so', () => {
    expect(wishesFor('r')).toEqual(['richest', 'random']);
    expect(wishesFor('')).toEqual(Object.keys(WISHES));
    expect(linesFor('RICHEST', [])).toEqual([]);
    const [system] = readFound(answerOf([SYSTEM]));
    if (system === undefined) throw new Error('one was answered');
    expect(linesFor('ri', [system])).toEqual([{ kind: 'wish', wish: 'richest' }, system]);
  });
});

test('what is found says what it is, and leads there', async () => {
  const asked: Query[] = [];
  const found = await find('4', 9, (query) => {
    asked.push(query);
    return Promise.resolve(answerOf([SYSTEM, SHIP, STRATEGY]));
  });
  expect(asked[0]?.turn).toBe(9);
  expect(found.map((each) => wordsOf(each))).toEqual([
    ['System 4', '31 hits dealt'],
    ['Ship 77', 'a · 1,200 energy, 9 blasters · system 4'],
    ['flee', 'strategy, flying: see its territory'],
  ]);
  const places = found.map((each) => ({ ...MAP, eid: 5, sid: 1, sheet: 'help' as const, ...stepTo(each) }));
  expect(places.map(({ sid, eid, sheet, isolate }) => [sid, eid, sheet, isolate])).toEqual([
    [4, null, null, null],
    [4, 77, null, null],
    [null, null, null, 'flee'],
  ]);
});

test('heroes are found by name, the fallen too; they lead to their fall, or to the hall of fame once its turn is gone', () => {
  const living = {
    ...SHIP,
    kind: 'hero',
    name: 'Ulio Stormcaller',
    rank: 'titan',
    died_tid: null,
    is_fall_kept: 0,
  };
  const rows = [living, { ...living, died_tid: 1200, is_fall_kept: 1 }, { ...living, died_tid: 12 }];
  const found = readFound(answerOf(rows));
  expect(found.map((each) => wordsOf(each)[1])).toEqual([
    'titan of a · system 4',
    'titan of a, fell in turn 1,200: see where',
    'titan of a, fell in turn 12: see the hall of fame',
  ]);
  const places = found.map((each) => ({ ...MAP, ...stepTo(each) }));
  expect(places.map(({ sid, eid, turn, sheet }) => [sid, eid, turn, sheet])).toEqual([
    [4, 77, null, null],
    [4, 77, 1200, null],
    [4, 77, null, 'fame'],
  ]);
});

test('a search that finds nothing says what it takes', () => {
  expect(emptyWords(' sol ')).toMatch(/^Nothing is called “sol”\. Type the number of a system or a ship, /);
  expect(emptyWords('  ')).toMatch(/^Type the number/);
  expect(emptyWords('x'.repeat(99))).toContain(`“${'x'.repeat(40)}”`);
});
