import { beforeEach, expect, test } from 'vitest';
import { Live } from '../../src/feed/live';
import type { Watch } from '../../src/feed/live-connection';
import { Store } from '../../src/feed/store';
import { Busy, Refused } from '../../src/source/failure';
import { TURNS } from '../../src/sql/turns';
import { answerOf, turnsUpTo } from '../build';
import { FakePost, questionOf, settled } from './fakes';

const news = questionOf('news');
const standings = questionOf('standings');
const places = questionOf('places', { pace: 'connection' });
const summary = questionOf('summary', { pace: 6 });

let underWay: Watch[];
let server: FakePost;
let store: Store;
let log: string[];
let live: Live;

beforeEach(() => {
  underWay = [];
  log = [];
  server = new FakePost();
  store = new Store(() => {});
  const connection = {
    start: () => log.push('start'),
    stop: () => log.push('stop'),
    watch: (watch: Watch) => {
      underWay.push(watch);
      return () => {
        underWay = underWay.filter((other) => other !== watch);
      };
    },
  };
  live = new Live(() => connection, server.post, store, {
    onConnection: (told) => log.push(told.state),
    onFailure: (failure) => log.push(failure === null ? 'mended' : failure.message),
  });
  live.start();
});

test('what is wanted after each turn is watched until it is released', () => {
  live.want(news);
  live.want(standings);
  expect(underWay.map((watch) => watch.query)).toEqual([news.query, standings.query]);
  underWay[0]?.onAnswer(answerOf([{ a: 'battle' }], 7));
  expect(store.get(news)).toBe('7: battle');
  live.release(news);
  expect(underWay.map((watch) => watch.query)).toEqual([standings.query]);
});

test('the turns come from the connection, which watches them itself', () => {
  live.want(TURNS);
  expect(underWay).toEqual([]);
  live.onTurns(turnsUpTo(9));
  expect(store.get(TURNS)?.[0]?.tid).toBe(9);
});

test('what is asked once in six turns is asked so often, while it is wanted', async () => {
  const askedAt: number[] = [];
  live.want(summary);
  for (let tid = 10; tid < 22; tid += 1) {
    const before = server.asked.length;
    live.onTurns(turnsUpTo(tid));
    if (server.asked.length > before) askedAt.push(tid);
  }
  expect(askedAt).toEqual([10, 16]);
  // A universe that began again.
  live.onTurns(turnsUpTo(1));
  expect(server.asked).toHaveLength(3);
  live.release(summary);
  for (let tid = 2; tid < 20; tid += 1) live.onTurns(turnsUpTo(tid));
  expect(server.asked).toHaveLength(3);
  await settled();
  expect(store.get(summary)).toBe('null: summary');
});

test('who comes back within the six turns does not ask again', () => {
  live.want(summary);
  live.onTurns(turnsUpTo(10));
  live.release(summary);
  live.want(summary);
  live.onTurns(turnsUpTo(11));
  expect(server.texts).toEqual(['summary']);
});

test('a server found, or found again, is asked for its systems, and at once for their summary', () => {
  live.want(places);
  live.want(summary);
  live.onTurns(turnsUpTo(10));
  expect(server.texts).toEqual(['summary']);
  live.onConnection({ state: 'live' });
  live.onTurns(turnsUpTo(11));
  expect(server.texts).toEqual(['summary', 'places', 'summary']);
  live.onConnection({ state: 'silent' });
  live.onConnection({ state: 'live' });
  expect(server.texts.slice(3)).toEqual(['places']);
});

test('systems that are wanted later are asked for at once, if the server is found', () => {
  live.onConnection({ state: 'live' });
  live.want(places);
  expect(server.texts).toEqual(['places']);
  live.stop();
  live.release(places);
  live.want(places);
  expect(server.texts).toEqual(['places']);
});

test('a failure is told, and its mending, when every query is answered again', () => {
  live.want(standings);
  live.want(news);
  log = [];
  const [first, second] = underWay;
  first?.onFailure(new Refused('one', 400, null));
  second?.onFailure(new Refused('two', 400, null));
  first?.onAnswer(answerOf([{ a: 1 }]));
  expect(log).toEqual(['one', 'two']);
  live.release(news);
  expect(log.at(-1)).toBe('mended');
});

test('of single questions only refusals are told, and those while it is live: who is busy is asked again', async () => {
  live.want(summary);
  log = [];
  server.failure = new Busy('too many', 429);
  live.onTurns(turnsUpTo(1));
  server.failure = new Refused('no such table', 400, '1146');
  live.onTurns(turnsUpTo(20));
  await settled();
  expect(log).toEqual(['no such table']);
  live.onTurns(turnsUpTo(30));
  live.stop();
  await settled();
  expect(log).toEqual(['no such table', 'stop']);
});
