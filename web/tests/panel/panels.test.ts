import { describe, expect, test } from 'vitest';
import { brief, bytes, count, milliseconds, percent, seconds, short } from '../../src/panel/format';
import { hoverText } from '../../src/panel/hover';
import { amountOf } from '../../src/panel/layers';
import { wordsOf } from '../../src/panel/notice';
import { sharesOf } from '../../src/panel/phases';
import { barsOf } from '../../src/panel/sparkline';
import { chartWords, spanWords } from '../../src/panel/standings';
import { fleetsOf, stepped } from '../../src/panel/system-panel';
import { figuresOf } from '../../src/panel/universe-panel';
import { titleOf, whereOf } from '../../src/panel/whereabouts';
import { node, ship, stateOf, turnsUpTo } from '../build';

test('numbers are written for people', () => {
  expect([count(12_345), short(999_999), short(2_950_000), brief(9_999), brief(216_308)]).toEqual([
    '12,345',
    '999,999',
    '2.95M',
    '9,999',
    '216K',
  ]);
  expect([milliseconds(3.08), milliseconds(92.4), milliseconds(1234)]).toEqual(['3.1 ms', '92 ms', '1.23 s']);
  expect([seconds(1000), seconds(250), bytes(950), bytes(123_456)]).toEqual([
    '1 s',
    '0.25 s',
    '950 B',
    '123 kB',
  ]);
});

test('shares are written with a tenth only where it matters', () => {
  expect([0, 0.004, 0.042, 0.0999, 0.42, 1].map(percent)).toEqual([
    '0 %',
    '0.4 %',
    '4.2 %',
    '10 %',
    '42 %',
    '100 %',
  ]);
});

describe('figuresOf', () => {
  test('comes from the turns alone', () => {
    const turns = turnsUpTo(1234, { count: 10, periodMs: 500, durationMs: 42 });
    const late = turns.map((turn, age) => (age === 3 ? { ...turn, isLate: true } : turn));
    expect(figuresOf(late)).toEqual({
      turn: '1,234',
      turnTime: '42 ms',
      period: '500 ms',
      ships: '100',
      nodes: '200',
      writes: '300',
      writesPerSecond: '600',
      kills: '20',
      late: '1',
    });
  });

  test('before the second turn there is no period, before the first no figures', () => {
    expect(figuresOf(turnsUpTo(1))).toMatchObject({ turn: '1', period: '–', writesPerSecond: '–' });
    expect(figuresOf([])).toBeNull();
  });
});

test('the sparkline has the newest turn on the right, and the longest as its height', () => {
  const [newest, before] = turnsUpTo(2);
  if (newest === undefined || before === undefined) throw new Error('two turns were asked for');
  const bars = barsOf([newest, { ...before, endMs: before.startMs + 400, isLate: true }], 60);
  expect(bars.map((bar) => [bar.box.height, bar.isLate])).toEqual([
    [11, false],
    [44, true],
  ]);
  expect(bars[0]?.box.x).toBeGreaterThan(bars[1]?.box.x ?? 0);
  expect(barsOf(turnsUpTo(99, { count: 80 }), 60)).toHaveLength(60);
});

describe('ships of a system', () => {
  const state = stateOf([
    ship({ eid: 7 }),
    node({ eid: 8 }),
    ship({ eid: 3, strategy: 'b' }),
    ship({ eid: 9, strategy: 'b' }),
    ship({ eid: 12, strategy: 'a' }),
  ]);

  test('are counted by strategy, the largest fleet first', () => {
    const ships = state.entities.filter((entity) => entity.kind === 'ship');
    expect(fleetsOf(ships).map((fleet) => [fleet.strategy, fleet.ships, fleet.energy])).toEqual([
      ['b', 2, 200],
      ['a', 1, 100],
      ['strategy_default', 1, 100],
    ]);
  });

  test('are stepped through by eid, round and round', () => {
    expect(stepped(state, null, 1)).toBe(3);
    expect(stepped(state, 7, 1)).toBe(9);
    expect(stepped(state, 8, 1)).toBe(9);
    expect(stepped(state, 12, 1)).toBe(3);
    expect(stepped(state, 9, -1)).toBe(7);
    expect(stepped(state, 3, -1)).toBe(12);
    expect(stepped(stateOf([node()]), null, 1)).toBeNull();
  });
});

test('the notice speaks only when something is wrong', () => {
  expect(wordsOf({ state: 'connecting' })).toBe('');
  expect(wordsOf({ state: 'live' })).toBe('');
  expect(wordsOf({ state: 'lost', reason: null })).toMatch(/^Connection to the server lost\. /);
  expect(wordsOf({ state: 'lost', reason: 'too many connections' })).toMatch(
    /lost \(too many connections\)\./,
  );
  expect(wordsOf({ state: 'silent' })).toMatch(/no turn comes/);
  expect(wordsOf({ state: 'past', turn: 7 })).toBe('');
});

test('a turn that is not kept is said to be past or to come, by what the server keeps', () => {
  const reason =
    "There is no snapshot of turn 7: turns 1020 to 1027 are kept; leave 'turn' out for the newest";
  expect(wordsOf({ state: 'gone', turn: 7, reason })).toBe(
    'Turn 7 is not kept any more: what you have not yet seen of it cannot be shown. ' +
      'The server keeps turns 1,020 to 1,027.',
  );
  expect(wordsOf({ state: 'gone', turn: 1028, reason })).toBe(
    'Turn 1,028 has not been played. The server keeps turns 1,020 to 1,027.',
  );
  expect(wordsOf({ state: 'gone', turn: 7, reason: 'none is kept' })).toBe(
    'Turn 7 cannot be shown: none is kept.',
  );
});

test('title and screen readers tell where the page is, and when', () => {
  expect(titleOf({ sid: null, turn: null })).toBe('Wasmverse');
  expect(titleOf({ sid: 5, turn: null })).toBe('System 5 · Wasmverse');
  expect(titleOf({ sid: 5, turn: 1234 })).toBe('System 5 · Turn 1,234 · Wasmverse');
  expect(whereOf({ sid: null, turn: null })).toBe('Map of the universe');
  expect(whereOf({ sid: 5, turn: 1234 })).toBe('System 5, as it was at turn 1,234');
});

test('the tooltip names what is under the pointer', () => {
  expect(hoverText(ship({ eid: 5, energy: 1200 }), new Map(), [])).toBe(
    'Ship 5 · strategy_default · 1,200 energy',
  );
  expect(hoverText(node({ eid: 6 }), new Map(), [])).toBe('Node 6 · 100 energy');
  const place = { sid: 42, x: 1, y: 2 };
  expect(hoverText(place, new Map(), [])).toBe('System 42');
  const summary = { sid: 42, ships: 32, energy: 1500, leader: 'a', leaderEnergy: 1365 };
  expect(hoverText(place, new Map([[42, summary]]), [])).toBe(
    'System 42 · 32 ships · a leads with 91 % of 1,500 energy',
  );
  const hero = { eid: 5, sid: 42, name: 'Ulio Stormcaller', rank: 'raider', strategy: 'a' };
  expect(hoverText(ship({ eid: 5, energy: 1200 }), new Map(), [hero])).toBe(
    'Ulio Stormcaller, raider · strategy_default · 1,200 energy',
  );
  expect(hoverText(node({ eid: 5 }), new Map(), [hero]), 'one that has fallen').toMatch(/^Node 5/);
  expect(hoverText(place, new Map([[42, summary]]), [hero])).toMatch(/ energy · Ulio Stormcaller, raider$/);
  expect(hoverText(place, new Map([[42, summary]]), [{ ...hero, sid: 41 }])).not.toMatch(/Ulio/);
});

test('one ship is no ships', () => {
  expect([amountOf(1, 'ships'), amountOf(1200, 'battles'), amountOf(1, 'energy')]).toEqual([
    '1 ship',
    '1,200 battles',
    '1 energy',
  ]);
});

test('the chart says what it shows to who cannot see it', () => {
  const bands = {
    tids: [1000, 1400],
    bands: [
      { strategy: 'a', edge: [0.5, 0.7] },
      { strategy: null, edge: [1, 1] },
    ],
  };
  expect(chartWords(bands, 'ships')).toBe('Shares of ships over the last 600 turns; now a 70 %, others 30 %');
  expect(spanWords(bands.tids)).toBe('Turns 1,000 to 1,400');
  expect(spanWords([9])).toBe('Shares of the last 600 turns');
});

test('phases are parts of the time of their turn', () => {
  const none = { read: 0, observe: 0, decide: 0, resolve: 0, commit: 0, publish: 0 };
  const cost = { tid: 1, seconds: { ...none, decide: 0.03, commit: 0.01 }, watchers: 1 };
  expect(sharesOf(cost)).toEqual({ ...none, decide: 0.75, commit: 0.25 });
  expect(sharesOf({ ...cost, seconds: none })).toEqual(none);
});
