import { expect, test } from 'vitest';
import { MAP, writePlace } from '../../src/place/place';
import { type Order, placeOf, sorted } from '../../src/sheet/fame-sheet';
import { HEROES, type Hero } from '../../src/sql/heroes';
import { answerOf } from '../build';

const hero = (given: Partial<Hero>): Hero => ({
  eid: 1,
  name: 'Anela Ashfall',
  sid: 4,
  x: 10,
  y: 20,
  strategy: 'strategy_default',
  rank: 'titan',
  bornTid: 1,
  age: 10,
  kills: 1,
  energy: 100,
  diedTid: null,
  obituary: null,
  ...given,
});

test('heroes are sorted by what is asked for, equal ones by energy', () => {
  const heroes = [
    hero({ eid: 1, name: 'Bela', kills: 3, age: 10, energy: 50, diedTid: 7 }),
    hero({ eid: 2, name: 'Ánu', kills: 3, age: 30, energy: 90, diedTid: 5 }),
    hero({ eid: 3, name: 'Cera', kills: 9, age: 20, energy: 10, diedTid: 6 }),
  ];
  const order = (by: Order): number[] => sorted(heroes, by).map(({ eid }) => eid);
  expect(order('name')).toEqual([2, 1, 3]);
  expect(order('kills')).toEqual([3, 2, 1]);
  expect(order('age')).toEqual([2, 3, 1]);
  expect(order('energy')).toEqual([2, 1, 3]);
  expect(order('died')).toEqual([1, 3, 2]);
});

test('the living are followed, at the turn that is shown; the fallen are seen where and when they fell', () => {
  const place = { ...MAP, sheet: 'fame' as const, turn: 9 };
  expect(writePlace(placeOf(hero({ eid: 5 }), MAP))).toMatch(
    /^#\/system\/4\/entity\/5\?at=10.5,20.5,\d+&follow$/,
  );
  expect(placeOf(hero({ eid: 5 }), place)).toMatchObject({ turn: 9, sheet: null });
  expect(writePlace(placeOf(hero({ eid: 5, diedTid: 77, x: null, y: null }), place))).toBe(
    '#/system/4/entity/5?turn=77',
  );
});

test('a row of the server is read; one without a name is refused', () => {
  const { name, strategy, rank } = hero({});
  const row = {
    eid: 1,
    name,
    sid: 4,
    x: 10,
    y: 20,
    strategy,
    rank,
    born_tid: 1,
    age: 10,
    kills: 1,
    energy: 100,
    died_tid: null,
    obituary: null,
  };
  expect(HEROES.read(answerOf([row]))).toEqual([hero({})]);
  expect(() => HEROES.read(answerOf([{ ...row, name: null }]))).toThrow(/name holds null/);
});
