import { expect, test } from 'vitest';
import { HOLDINGS, isolatedQuestion, layerQuestion, neighboursQuestion } from '../../src/sql/map';
import { TURN_COST } from '../../src/sql/phases';
import { HISTORY, STANDINGS } from '../../src/sql/standings';
import { STRATEGIES } from '../../src/sql/strategies';
import { NEWS, PLACES, SUMMARIES } from '../../src/sql/systems';
import { TURNS } from '../../src/sql/turns';
import { answerOf } from '../build';

test('turns', () => {
  const row = {
    tid: 9,
    start_ms: 1000.5,
    end_ms: 1100.25,
    writes: 30,
    ships: 10,
    energy_nodes: 20,
    kills: 1,
    faults: 2,
    late: 1,
  };
  expect(TURNS.read(answerOf([row]))).toEqual([
    {
      tid: 9,
      startMs: 1000.5,
      endMs: 1100.25,
      writes: 30,
      ships: 10,
      nodes: 20,
      kills: 1,
      faults: 2,
      isLate: true,
    },
  ]);
});

test('systems, their summaries and their news', () => {
  expect(PLACES.read(answerOf([{ sid: 1, x: 2, y: 3 }]))).toEqual([{ sid: 1, x: 2, y: 3 }]);
  expect(
    SUMMARIES.read(answerOf([{ sid: 1, ships: 5, energy: 500, leader: 'a', leader_energy: 3 }])),
  ).toEqual([{ sid: 1, ships: 5, energy: 500, leader: 'a', leaderEnergy: 3 }]);
  const news = { tid: 4, sid: 1, x: 2.5, y: 3.5, battles: 2, deaths: 0, systems: 1 };
  expect(NEWS.read(answerOf([news]))).toEqual([news]);
});

test('what strategies hold, and the figures of layers', () => {
  const holding = { strategy: 'a', x: 2.5, y: 3.5, energy: 90 };
  expect(HOLDINGS.read(answerOf([holding]))).toEqual([holding]);
  const figure = { sid: 4, value: -2 };
  for (const question of [
    isolatedQuestion('a', 7),
    layerQuestion('battles', 7),
    layerQuestion('change', 7),
  ]) {
    expect(question?.read(answerOf([figure]))).toEqual([figure]);
    expect(question?.query.turn).toBe(7);
  }
  const summary = { sid: 1, ships: 5, energy: 500, leader: 'a', leader_energy: 3 };
  expect(neighboursQuestion(42, 7)?.read(answerOf([summary]))).toMatchObject([{ sid: 1, leaderEnergy: 3 }]);
  expect(neighboursQuestion(null, 7)).toBeNull();
  expect(isolatedQuestion(null, 7)).toBeNull();
  for (const layer of [null, 'energy', 'density']) expect(layerQuestion(layer, 7)).toBeNull();
});

test('strategies and their standings', () => {
  const line = { tid: 9, strategy: 'a', ships: 5, energy: 500, energy_before: 400, kills: 3, faults: 1 };
  expect(STANDINGS.read(answerOf([line]))).toEqual([
    { tid: 9, strategy: 'a', ships: 5, energy: 500, energyBefore: 400, kills: 3, faults: 1 },
  ]);
  expect(HISTORY.read(answerOf([{ tid: 8, strategy: null, energy: 500, ships: 5 }]))).toEqual([
    { tid: 8, strategy: null, energy: 500, ships: 5 },
  ]);
  const row = {
    name: 'a',
    version: 2,
    sha256: 'ff',
    bytes: 900,
    language: null,
    author: null,
    is_enabled: 1,
    status: 'ok',
    last_fault: null,
  };
  expect(STRATEGIES.read(answerOf([row]))).toEqual([
    {
      name: 'a',
      version: 2,
      sha256: 'ff',
      bytes: 900,
      language: null,
      author: null,
      isEnabled: true,
      status: 'ok',
      lastFault: null,
    },
  ]);
});

test('what a turn cost', () => {
  const seconds = {
    read: 0.001,
    observe: 0.002,
    decide: 0.003,
    resolve: 0.004,
    commit: 0.005,
    publish: 0.006,
  };
  const row = Object.fromEntries(Object.entries(seconds).map(([phase, time]) => [`${phase}_seconds`, time]));
  expect(TURN_COST.read(answerOf([{ tid: 9, ...row, watchers: 2 }]))).toEqual({
    tid: 9,
    seconds,
    watchers: 2,
  });
  expect(TURN_COST.read(answerOf([]))).toBeNull();
});
