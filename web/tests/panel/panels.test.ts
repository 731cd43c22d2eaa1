import { describe, expect, test } from 'vitest';
import { cellText, summaryOf } from '../../src/panel/console-sheet';
import { brief, bytes, count, milliseconds, seconds, short } from '../../src/panel/format';
import { hoverText } from '../../src/panel/hover';
import { freeFrame } from '../../src/panel/layout';
import { wordsOf } from '../../src/panel/notice';
import { barsOf } from '../../src/panel/sparkline';
import { nameFrom, wordsFor } from '../../src/panel/strategies-sheet';
import { fleetsOf, stepped } from '../../src/panel/system-panel';
import { figuresOf } from '../../src/panel/universe-panel';
import { Refused, Unreachable } from '../../src/source/failure';
import { answerOf, node, ship, stateOf, turnsUpTo } from '../build';

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

describe('figuresOf', () => {
  test('comes from the turns alone', () => {
    const turns = turnsUpTo(1234, { count: 10, periodMs: 500, durationMs: 42 });
    const late = turns.map((turn, age) => (age === 3 ? { ...turn, isLate: true } : turn));
    expect(figuresOf(late)).toEqual({
      turn: '1,234',
      turnTime: '42 ms',
      period: '0.5 s',
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

test('the notice speaks only when something is wrong', () => {
  expect(wordsOf({ state: 'connecting' })).toBe('');
  expect(wordsOf({ state: 'live' })).toBe('');
  expect(wordsOf({ state: 'lost', reason: null })).toMatch(/^Connection to the server lost\. /);
  expect(wordsOf({ state: 'lost', reason: 'too many connections' })).toMatch(
    /lost \(too many connections\)\./,
  );
  expect(wordsOf({ state: 'silent' })).toMatch(/no turn comes/);
});

test('the tooltip names what is under the pointer', () => {
  expect(hoverText(ship({ eid: 5, energy: 1200 }), new Map())).toBe(
    'Ship 5 · strategy_default · 1,200 energy',
  );
  expect(hoverText(node({ eid: 6 }), new Map())).toBe('Node 6 · 100 energy');
  const place = { sid: 42, x: 1, y: 2 };
  expect(hoverText(place, new Map())).toBe('System 42');
  const summary = { sid: 42, ships: 32, energy: 1, leader: 'a', leaderShips: 20 };
  expect(hoverText(place, new Map([[42, summary]]))).toBe('System 42 · 32 ships · a leads with 20');
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

describe('freeFrame', () => {
  const rect = (left: number, top: number, width: number, height: number): DOMRect =>
    ({ left, top, width, height, right: left + width, bottom: top + height }) as DOMRect;
  const wide = { width: 1440, height: 900 };
  const narrow = { width: 390, height: 844 };

  test('on a wide window it lies between the panels', () => {
    const frame = freeFrame(wide, [rect(0, 0, 1440, 64), rect(20, 72, 300, 500), rect(1080, 72, 340, 600)]);
    expect(frame).toEqual({ left: 336, top: 80, width: 728, height: 804 });
  });

  test('on a narrow one it lies between what is above and below', () => {
    const frame = freeFrame(narrow, [rect(0, 0, 390, 54), rect(10, 54, 370, 80), rect(10, 600, 370, 234)]);
    expect(frame).toEqual({ left: 16, top: 150, width: 358, height: 434 });
  });

  test('a panel without size takes no room, and panels without gap leave the whole window', () => {
    expect(freeFrame(wide, [rect(20, 72, 300, 0)])).toEqual({ left: 16, top: 16, width: 1408, height: 868 });
    expect(freeFrame(narrow, [rect(0, 0, 390, 420), rect(0, 430, 390, 414)])).toMatchObject({
      top: 16,
      height: 812,
    });
  });
});
