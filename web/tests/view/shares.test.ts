import { describe, expect, test } from 'vitest';
import { type Holding, NAMED_MAX } from '../../src/sql/standings';
import {
  bandAt,
  bandsOf,
  extended,
  joined,
  type Moment,
  momentOf,
  momentsOf,
  ranksOf,
  shareAt,
} from '../../src/view/shares';
import { standing } from '../build';

const holding = (tid: number, strategy: string | null, energy: number, ships = 1): Holding => ({
  tid,
  strategy,
  energy,
  ships,
});
const moment = (tid: number): Moment => ({ tid, held: new Map() });
const tidsOf = (moments: readonly Moment[]): number[] => moments.map(({ tid }) => tid);

describe('moments', () => {
  test('are what the history says of each turn', () => {
    const moments = momentsOf([holding(4, 'a', 30), holding(4, null, 10), holding(8, 'a', 5)]);
    expect(tidsOf(moments)).toEqual([4, 8]);
    expect(moments[0]?.held.get(null)).toEqual({ energy: 10, ships: 1 });
  });

  test('go on with the lines of the leaderboard, of which every fourth is kept', () => {
    let seen: readonly Moment[] = [];
    for (let tid = 1; tid <= 10; tid += 1) {
      const next = momentOf([standing({ tid })]);
      if (next !== null) seen = extended(seen, next);
    }
    expect(tidsOf(seen)).toEqual([4, 8, 10]);
    expect(tidsOf(extended(seen, moment(10)))).toEqual([4, 8, 10]);
    expect(tidsOf(extended(seen, moment(606)))).toEqual([8, 606]);
    expect(momentOf([])).toBeNull();
  });

  test('begin again in a universe that begins again', () => {
    expect(tidsOf(extended([moment(4), moment(8)], moment(2)))).toEqual([2]);
  });

  test('of the history and of what was seen since are one row, as long as the chart', () => {
    const history = [moment(4), moment(8), moment(12)];
    expect(tidsOf(joined(history, [moment(8), moment(12), moment(13)]))).toEqual([4, 8, 12, 13]);
    expect(tidsOf(joined(history, [moment(609)]))).toEqual([12, 609]);
    expect(tidsOf(joined([], [moment(3)]))).toEqual([3]);
  });
});

describe('bands', () => {
  const moments = momentsOf([
    holding(4, 'a', 60, 1),
    holding(4, 'b', 20, 3),
    holding(4, 'gone', 20, 4),
    holding(8, 'a', 10, 1),
    holding(8, 'b', 30, 1),
  ]);
  const bands = bandsOf(moments, ['b', 'a'], 'energy');

  test('lie on each other, the strongest on the ground, all others at the top', () => {
    expect(bands.tids).toEqual([4, 8]);
    expect(bands.bands).toEqual([
      { strategy: 'b', edge: [0.2, 0.75] },
      { strategy: 'a', edge: [0.8, 1] },
      { strategy: null, edge: [1, 1] },
    ]);
    expect(bandsOf(moments, ['b'], 'ships').bands[0]?.edge).toEqual([3 / 8, 1 / 2]);
  });

  test('there are no others where nothing is left over', () => {
    const all = bandsOf(moments, ['b', 'a', 'gone'], 'energy');
    expect(all.bands.map(({ strategy }) => strategy)).toEqual(['b', 'a', 'gone']);
  });

  test('only the strongest have one of their own', () => {
    const many = Array.from({ length: 30 }, (_, i) => `s${i}`);
    const held = momentsOf(many.map((name) => holding(4, name, 10)));
    const made = bandsOf(held, many, 'energy').bands;
    expect(made).toHaveLength(NAMED_MAX + 1);
    expect(made.at(-1)).toEqual({ strategy: null, edge: [1] });
  });

  test('are found by height, and tell their share', () => {
    expect([0.1, 0.5, 0.9].map((height) => bandAt(bands, 0, height))).toEqual(['b', 'a', null]);
    expect(shareAt(bands, 0, 'a')).toBeCloseTo(0.6);
    expect(shareAt(bands, 1, null)).toBe(0);
  });
});

test('ranks have both shares, and rise or fall by the share of energy, not by energy', () => {
  const ranks = ranksOf([
    standing({ strategy: 'a', energy: 150, energyBefore: 100, ships: 1 }),
    standing({ strategy: 'b', energy: 40, energyBefore: 20, ships: 3 }),
    standing({ strategy: 'c', energy: 10, energyBefore: 10, ships: 4 }),
  ]);
  expect(ranks.map(({ energyShare, shipShare }) => [energyShare, shipShare])).toEqual([
    [0.75, 0.125],
    [0.2, 0.375],
    [0.05, 0.5],
  ]);
  expect(ranks.map(({ trend }) => trend)).toEqual(['falling', 'rising', 'falling']);
  const same = standing({ energy: 1000, energyBefore: 990 });
  expect(ranksOf([same, same]).map(({ trend }) => trend)).toEqual(['steady', 'steady']);
});
