import { beforeEach, expect, test } from 'vitest';
import { Past } from '../../src/feed/past';
import { Store } from '../../src/feed/store';
import { Busy, Refused, Unreachable } from '../../src/source/failure';
import { at } from '../../src/sql/question';
import { FakeClock, FakePost, questionOf, settled } from './fakes';

const fleet = at(questionOf('fleet'), 7);
const nodes = at(questionOf('nodes'), 7);
const GONE = new Refused('There is no snapshot of turn 7', 400, '1105');

let server: FakePost;
let clock: FakeClock;
let store: Store;
let log: string[];
let past: Past;

beforeEach(() => {
  server = new FakePost();
  clock = new FakeClock();
  store = new Store(() => {});
  log = [];
  past = new Past(7, server.post, clock.after, store, {
    onConnection: (connection) => {
      const words = 'reason' in connection ? `${connection.state}: ${connection.reason}` : connection.state;
      if (log.at(-1) !== words) log.push(words);
    },
    onFailure: (failure) => log.push(`failed: ${failure?.message}`),
  });
});

test('each question is asked once, about the turn, and then the past is there', async () => {
  past.start();
  past.want(fleet);
  past.want(nodes);
  expect(log).toEqual(['connecting']);
  await settled();
  expect(server.asked.map(({ sql, turn }) => [sql, turn])).toEqual([
    ['fleet', 7],
    ['nodes', 7],
  ]);
  expect([store.get(fleet), store.get(nodes)]).toEqual(['7: fleet', '7: nodes']);
  expect(log).toEqual(['connecting', 'past']);
});

test('what the store has is not asked for', async () => {
  store.put(fleet, 'known');
  past.start();
  past.want(fleet);
  await settled();
  expect(server.asked).toEqual([]);
  expect([store.get(fleet), log.at(-1)]).toEqual(['known', 'past']);
});

test('a turn that is gone is said to be, not asked for again, and what is known of it stays', async () => {
  past.start();
  past.want(fleet);
  await settled();
  server.failure = GONE;
  past.want(nodes);
  await settled();
  expect(log.at(-1)).toBe('gone: There is no snapshot of turn 7');
  expect(clock.isSet).toBe(false);
  past.release(nodes);
  expect([log.at(-1), store.get(fleet)]).toEqual(['past', '7: fleet']);
});

test('a server that is busy or away is asked again, ever more slowly, until it answers', async () => {
  past.start();
  server.failure = new Busy('too many', 429);
  past.want(fleet);
  await settled();
  server.failure = new Unreachable('no answer');
  const delays = [clock.delayMs];
  for (let i = 0; i < 5; i += 1) {
    clock.fire();
    await settled();
    delays.push(clock.delayMs);
  }
  expect(delays).toEqual([250, 500, 1000, 2000, 4000, 5000]);
  expect(log).toEqual(['connecting', 'lost: too many', 'lost: no answer']);
  server.failure = null;
  clock.fire();
  await settled();
  expect([log.at(-1), store.get(fleet), clock.isSet]).toEqual(['past', '7: fleet', false]);
});

test('any other refusal is told as a failure of the page', async () => {
  past.start();
  server.failure = new Refused('no such table', 400, '1146');
  past.want(fleet);
  await settled();
  expect(log.slice(-2)).toEqual(['past', 'failed: no such table']);
  expect(clock.isSet).toBe(false);
});

test('an answer about another turn is no answer', async () => {
  server.turn = 8;
  past.start();
  past.want(fleet);
  await settled();
  expect(store.get(fleet)).toBeNull();
  expect(log.at(-1)).toBe('failed: turn 7 was asked for, turn 8 was answered');
});

test('stopped, it says nothing and asks nothing; an answer on its way is kept all the same', async () => {
  past.start();
  past.want(fleet);
  past.stop();
  await settled();
  expect([log, store.get(fleet)]).toEqual([['connecting'], '7: fleet']);
  server.failure = new Unreachable('no answer');
  past.want(nodes);
  await settled();
  expect([log, clock.isSet]).toEqual([['connecting'], false]);
  server.failure = null;
  past.start();
  await settled();
  expect([log.at(-1), store.get(nodes)]).toEqual(['past', '7: nodes']);
});
