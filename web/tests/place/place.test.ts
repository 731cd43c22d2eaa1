import { describe, expect, test } from 'vitest';
import { MAP, NEWS_FILTERS, type Place, readPlace, writePlace } from '../../src/place/place';

/** Numbers from 0 to 1 that look random and are the same each time (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let hash = Math.imul(state ^ (state >>> 15), 1 | state);
    hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
    return ((hash ^ (hash >>> 14)) >>> 0) / 4294967296;
  };
}

const WORDS = ["select '", ' & ', '?', '=', '#', '%', '+', '/', '“ü”', '🚀', '\n', 'turn=9', '&follow', ';'];

/** Any place that the page can be at. */
function anyPlace(roll: () => number): Place {
  const upTo = (max: number): number => Math.floor(roll() * max);
  const orNull = <T>(value: T): T | null => (roll() < 0.4 ? null : value);
  const cells = (max: number): number => (upTo(max * 100) - max * 25) / 100;
  const sid = orNull(upTo(250_000));
  const eid = sid === null ? null : orNull(upTo(2 ** 40));
  const words = Array.from({ length: 1 + upTo(6) }, () => WORDS[upTo(WORDS.length)] ?? '');
  const turn = orNull(upTo(10) === 0 ? upTo(3) : upTo(2 ** 50));
  return {
    turn,
    play: turn === null ? null : orNull((1 + upTo(64)) / 4),
    sid,
    eid,
    sight: orNull({ x: cells(500), y: cells(500), span: (1 + upTo(70_000)) / 100 }),
    isFollowing: eid !== null && roll() < 0.5,
    sheet: orNull((['strategies', 'console', 'help'] as const)[upTo(3)] ?? 'help'),
    sql: orNull(words.join('')),
    args: orNull(JSON.stringify(words)),
    isolate: orNull(words.slice(0, 2).join('')),
    measure: roll() < 0.5 ? 'ships' : 'energy',
    isTouring: roll() < 0.3,
    idleSeconds: orNull(upTo(100)),
    layer: orNull((['energy', 'battles', 'density', 'change'] as const)[upTo(4)] ?? 'energy'),
    isEmbedded: roll() < 0.3,
    hidden: roll() < 0.6 ? [] : ['panels', 'time'],
    news: orNull(NEWS_FILTERS[upTo(NEWS_FILTERS.length)] ?? 'all'),
  };
}

test('every place is found again by its address', () => {
  const roll = dice(11);
  for (let i = 0; i < 1000; i += 1) {
    const place = anyPlace(roll);
    expect(readPlace(writePlace(place)), writePlace(place)).toEqual(place);
  }
});

test('whatever is typed, the address that the page makes of it leads to the same place', () => {
  const roll = dice(12);
  const upTo = (max: number): number => Math.floor(roll() * max);
  for (let i = 0; i < 1000; i += 1) {
    // An address with some of its characters lost, doubled or swapped for others.
    const typed = [...writePlace(anyPlace(roll))].flatMap((char) => {
      if (roll() > 0.06) return [char];
      return [[], [char, char], ['#/?&=%1x'[upTo(8)] ?? '']][upTo(3)] ?? [];
    });
    const place = readPlace(typed.join(''));
    // The sight is written to a hundredth of a cell.
    const written = readPlace(writePlace(place));
    expect(
      { ...written, sight: null, sql: written.sql ?? '', args: written.args ?? '' },
      typed.join(''),
    ).toEqual({
      ...place,
      sight: null,
      sql: place.sql ?? '',
      args: place.args ?? '',
    });
    expect(writePlace(written)).toBe(writePlace(place));
  }
});

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
    ['#/?news=falls', { news: 'falls' }],
    ['#/?tour', { isTouring: true }],
    ['#/system/3?tour&idle=0', { sid: 3, isTouring: true, idleSeconds: 0 }],
    ['#/?sheet=strategies', { sheet: 'strategies' }],
    ['#/?isolate=strategy_flee', { isolate: 'strategy_flee' }],
    ['#/?isolate=a%26b&by=ships', { isolate: 'a&b', measure: 'ships' }],
    ['#/?layer=battles', { layer: 'battles' }],
    ['#/?turn=0', { turn: 0 }],
    ['#/system/42?turn=1234&sheet=help', { sid: 42, turn: 1234, sheet: 'help' }],
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
    '#/?isolate=',
    '#/?by=kills',
    '#/?turn=',
    '#/?idle=soon',
    '#/?news=weather',
    '#/?turn=-1',
    '#/?turn=1.5',
    '#/?turn=1e3',
    '#/?turn=last',
    '#/?turn=99999999999999999999',
  ])('%s leads to the map', (hash) => {
    expect(readPlace(hash)).toEqual(MAP);
  });

  test('an address says no more than a hundredth of a cell', () => {
    expect(writePlace({ ...MAP, sight: { x: 1 / 3, y: 2, span: 10.999 } })).toBe('#/?at=0.33,2,11');
  });
});
