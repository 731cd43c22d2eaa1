import { beforeEach, expect, test } from 'vitest';
import { Store } from '../../src/feed/store';
import { at } from '../../src/sql/question';
import { questionOf } from './fakes';

let puts: number;
let store: Store;
const fleet = questionOf('fleet');

beforeEach(() => {
  puts = 0;
  store = new Store(() => {
    puts += 1;
  });
});

test('what is put is told and kept, the later answer instead of the earlier one', () => {
  expect(store.get(fleet)).toBeNull();
  store.put(fleet, 'one');
  store.put(fleet, 'two');
  expect([store.get(fleet), puts]).toEqual(['two', 2]);
  store.forget(fleet);
  expect(store.get(fleet)).toBeNull();
});

test('an answer is found by what it is about, whichever text asked for it', () => {
  store.put(fleet, 'one');
  expect(store.get(questionOf('fleet', { query: { sql: 'else', args: [1], turn: null } }))).toBe('one');
  expect(store.get(questionOf('nodes'))).toBeNull();
});

test('turns are kept apart from each other and from live', () => {
  store.put(fleet, 'live');
  store.put(at(fleet, 7), 'at 7');
  store.put(at(fleet, 8), 'at 8');
  store.forget(at(fleet, 8));
  expect([null, 7, 8].map((turn) => store.get(at(fleet, turn)))).toEqual(['live', 'at 7', null]);
});

test('of past turns the eight last asked about are kept, and live always', () => {
  store.put(fleet, 'live');
  for (const turn of [1, 2, 3, 4, 5, 6, 7, 8]) store.put(at(fleet, turn), `at ${turn}`);
  // Asked about again: now the second turn is the one to go.
  store.put(at(questionOf('nodes'), 1), 'nodes');
  store.put(at(fleet, 9), 'at 9');
  const kept = [1, 2, 3, 4, 9].filter((turn) => store.get(at(fleet, turn)) !== null);
  expect(kept).toEqual([1, 3, 4, 9]);
  expect(store.get(fleet)).toBe('live');
});
