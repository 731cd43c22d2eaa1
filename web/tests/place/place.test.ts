import { describe, expect, test } from 'vitest';
import { MAP, type Place, readPlace, writePlace } from '../../src/place/place';

describe('place', () => {
  test.each<[string, Partial<Place>]>([
    ['#/', {}],
    ['#/system/42', { sid: 42 }],
    ['#/system/42/entity/1234', { sid: 42, eid: 1234 }],
    ['#/?at=250,250.5,60', { sight: { x: 250, y: 250.5, span: 60 } }],
    [
      "#/system/0?at=-3.25,50,20&sheet=console&sql=select%20'1'%20%26%20%3F",
      {
        sid: 0,
        sight: { x: -3.25, y: 50, span: 20 },
        sheet: 'console',
        sql: "select '1' & ?",
      },
    ],
    ['#/system/42/entity/9?follow', { sid: 42, eid: 9, isFollowing: true }],
    ['#/?sheet=strategies', { sheet: 'strategies' }],
  ])('%s is read and written', (hash, given) => {
    const place = { ...MAP, ...given };
    expect(readPlace(hash)).toEqual(place);
    expect(writePlace(place)).toBe(hash);
  });

  test.each([
    '',
    '#',
    '#/',
    '#/nowhere',
    '#/system/x',
    '#/system/-1',
    '#/?at=1,2',
    '#/?at=1,2,0',
    '#/?at=1,2,x',
    '#/?at=,,5',
    '#/?at=1,2,3,4',
    '#/?sheet=cellar',
    '#/?follow',
  ])('%s leads to the map', (hash) => {
    expect(readPlace(hash)).toEqual(MAP);
  });

  test('an address says no more than a hundredth of a cell', () => {
    expect(writePlace({ ...MAP, sight: { x: 1 / 3, y: 2, span: 10.999 } })).toBe('#/?at=0.33,2,11');
  });
});
