import { beforeEach, expect, test } from 'vitest';
import { MAP } from '../src/place/place';
import { Busy, Refused } from '../src/source/failure';
import type { Query } from '../src/source/request';
import type { Watch } from '../src/source/source';
import { STANDINGS_QUERY, STRATEGIES_QUERY } from '../src/sql/strategies';
import { systemQuery } from '../src/sql/system';
import { NEWS_QUERY, PLACES_QUERY, SUMMARY_QUERY } from '../src/sql/systems';
import { Watches } from '../src/watches';
import { answerOf } from './build';

let underWay: Watch[];
let asked: Query[];
let log: string[];
let failure: Error | null;
let watches: Watches;

beforeEach(() => {
  underWay = [];
  asked = [];
  log = [];
  failure = null;
  watches = new Watches(
    {
      ask: async (query) => {
        asked.push(query);
        if (failure !== null) throw failure;
        return answerOf([]);
      },
      watch: (watch) => {
        underWay.push(watch);
        return () => {
          underWay = underWay.filter((other) => other !== watch);
        };
      },
    },
    {
      onPlaces: () => log.push('places'),
      onSummaries: () => log.push('summaries'),
      onNews: () => log.push('news'),
      onStandings: () => log.push('standings'),
      onSystem: (sid) => log.push(`system ${sid}`),
      onStrategies: () => log.push('strategies'),
      onFailure: (failed) => log.push(failed === null ? 'mended' : failed.message),
    },
  );
});

const queries = (): Query[] => underWay.map((watch) => watch.query);

test('the map watches the news, a system its contents, and each only its own', () => {
  watches.attend(MAP);
  expect(queries()).toEqual([STANDINGS_QUERY, NEWS_QUERY]);
  watches.attend({ ...MAP, sid: 4 });
  expect(queries()).toEqual([STANDINGS_QUERY, systemQuery(4, null)]);
  watches.attend({ ...MAP, sid: 4, eid: 9 });
  expect(queries()).toEqual([STANDINGS_QUERY, systemQuery(4, 9)]);
  watches.attend(MAP);
  expect(queries()).toEqual([STANDINGS_QUERY, NEWS_QUERY]);
});

test('what is watched already goes on undisturbed', () => {
  watches.attend({ ...MAP, sid: 4 });
  const before = [...underWay];
  watches.attend({ ...MAP, sid: 4, sight: { x: 1, y: 2, span: 3 } });
  expect(underWay).toEqual(before);
});

test('strategies are watched while their sheet is open', () => {
  watches.attend({ ...MAP, sheet: 'strategies' });
  expect(queries()).toContain(STRATEGIES_QUERY);
  watches.attend({ ...MAP, sheet: 'console' });
  expect(queries()).not.toContain(STRATEGIES_QUERY);
});

test('each answer goes to its listener', () => {
  watches.attend({ ...MAP, sid: 4, sheet: 'strategies' });
  for (const watch of underWay) watch.onAnswer(answerOf([]));
  expect(log).toEqual(['standings', 'strategies', 'system 4']);
});

test('the summary is asked for once in six turns, on the map alone', async () => {
  watches.attend(MAP);
  const askedAt: number[] = [];
  for (let tid = 10; tid < 22; tid += 1) {
    const before = asked.length;
    watches.turn(tid);
    if (asked.length > before) askedAt.push(tid);
  }
  expect(askedAt).toEqual([10, 16]);
  expect(asked).toEqual([SUMMARY_QUERY, SUMMARY_QUERY]);
  watches.turn(1);
  expect(asked).toHaveLength(3);
  watches.attend({ ...MAP, sid: 4 });
  for (let tid = 2; tid < 20; tid += 1) watches.turn(tid);
  expect(asked).toHaveLength(3);
  await Promise.resolve();
  expect(log).toEqual(['summaries', 'summaries', 'summaries']);
});

test('a server found again is asked for its systems, and at once for their summary', () => {
  watches.attend(MAP);
  watches.turn(10);
  watches.begin();
  watches.turn(11);
  expect(asked).toEqual([SUMMARY_QUERY, PLACES_QUERY, SUMMARY_QUERY]);
});

test('a failure is told, and its mending, when every query is answered again', () => {
  watches.attend(MAP);
  const [standings, news] = underWay;
  standings?.onFailure(new Refused('one', 400, null));
  news?.onFailure(new Refused('two', 400, null));
  standings?.onAnswer(answerOf([]));
  expect(log).toEqual(['one', 'two', 'standings']);
  watches.attend({ ...MAP, sid: 4 });
  expect(log.at(-1)).toBe('mended');
});

test('of single questions only refusals are told: who is busy is asked again', async () => {
  watches.attend(MAP);
  failure = new Busy('too many', 429);
  watches.turn(1);
  failure = new Refused('no such table', 400, '1146');
  watches.turn(20);
  for (let i = 0; i < 9; i += 1) await Promise.resolve();
  expect(log).toEqual(['no such table']);
});
