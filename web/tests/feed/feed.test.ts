import { beforeEach, expect, test } from 'vitest';
import { Feed } from '../../src/feed/feed';
import { Busy, Refused } from '../../src/source/failure';
import { at } from '../../src/sql/question';
import { TURNS } from '../../src/sql/turns';
import { answerOf } from '../build';
import { FakeAddress, FakeClock, FakeLinks, FakePost, questionOf, settled } from './fakes';

let address: FakeAddress;
let links: FakeLinks;
let server: FakePost;
let feed: Feed;
let connections: string[];
let shown: (string | null)[];

const news = questionOf('news');
const system = (sid: number) => questionOf(`system ${sid}`);

beforeEach(() => {
  address = new FakeAddress();
  links = new FakeLinks();
  server = new FakePost();
  connections = [];
  shown = [];
  feed = new Feed(address, { openLink: links.open, post: server.post, after: new FakeClock().after });
  feed.listen({ onConnection: ({ state }) => connections.push(state), onFailure: () => {} });
  feed.follow(
    ({ sid, turn }) => at(sid === null ? news : system(sid), turn),
    (value) => shown.push(value),
  );
});

/** The SQL that is watched on the link, but for the turns. */
function watched(): string[] {
  const ids = new Map(links.sent.map(({ id, sql }) => [id, sql]));
  for (const { id, unsubscribe } of links.sent) if (unsubscribe) ids.delete(id);
  return [...ids.values()].filter((sql) => sql !== TURNS.query.sql).map(String);
}

test('before it is started nothing is asked', () => {
  expect(links.listener).toBeNull();
  feed.start();
  links.listener?.onOpen();
  expect([watched(), connections]).toEqual([['news'], ['connecting']]);
});

test('only what the place calls for is watched, and what it calls for still goes on', () => {
  const others: unknown[] = [];
  feed.follow(
    () => questionOf('standings'),
    (value) => others.push(value),
  );
  feed.start();
  links.listener?.onOpen();
  expect(watched()).toEqual(['news', 'standings']);
  address.go({ sid: 4 });
  expect(watched()).toEqual(['standings', 'system 4']);
  const before = links.sent.length;
  address.go({ sight: { x: 1, y: 2, span: 3 } });
  expect(links.sent).toHaveLength(before);
});

test('two parts with the same question share one watch, and both are shown the answer', () => {
  const others: (string | null)[] = [];
  feed.follow(
    () => news,
    (value) => others.push(value),
  );
  feed.start();
  links.listener?.onOpen();
  expect(watched()).toEqual(['news']);
  links.answer('news', answerOf([{ a: 'battle' }], 7));
  expect([shown, others]).toEqual([['7: battle'], ['7: battle']]);
});

test('a part that comes later, as a sheet does, is shown what is known', () => {
  feed.start();
  links.listener?.onOpen();
  links.answer('news', answerOf([{ a: 'battle' }], 7));
  const late: (string | null)[] = [];
  feed.follow(
    () => news,
    (value) => late.push(value),
  );
  expect(late).toEqual(['7: battle']);
});

test('a live answer is not shown as new when its place is come back to', () => {
  feed.start();
  links.listener?.onOpen();
  links.answer('news', answerOf([{ a: 'battle' }], 7));
  address.go({ sid: 4 });
  address.go({ sid: null });
  expect(shown).toEqual(['7: battle', null]);
});

test('a past turn is asked about once, over no link, and shown instead of what was live', async () => {
  feed.start();
  links.listener?.onOpen();
  links.answer('news', answerOf([{ a: 'battle' }], 7));
  address.go({ turn: 3 });
  expect(links.listener).toBeNull();
  await settled();
  expect(server.asked).toEqual([at(news, 3).query]);
  expect(shown).toEqual(['7: battle', null, '3: news']);
  expect(connections.at(-1)).toBe('past');
});

test('what is known of a past turn is there again without being asked for, even when the turn is gone', async () => {
  address.go({ turn: 3 });
  feed.start();
  await settled();
  server.failure = new Refused('gone', 400, '1105');
  address.go({ sid: 4 });
  await settled();
  expect([shown, connections.at(-1)]).toEqual([['3: news', null], 'gone']);
  address.go({ sid: null });
  expect([shown.at(-1), connections.at(-1)]).toEqual(['3: news', 'past']);
  expect(server.texts).toEqual(['news', 'system 4']);
});

test('from a past turn it goes back to live: everything is watched again', async () => {
  address.go({ turn: 3 });
  feed.start();
  await settled();
  expect(links.listener).toBeNull();
  address.go({ turn: null });
  links.listener?.onOpen();
  expect([watched(), shown.at(-1), connections.at(-1)]).toEqual([['news'], null, 'connecting']);
  links.answer('news', answerOf([{ a: 'battle' }], 9));
  expect(shown.at(-1)).toBe('9: battle');
});

test('what a left turn still answers changes neither the picture nor the connection', async () => {
  address.go({ turn: 3 });
  feed.start();
  address.go({ turn: 4 });
  await settled();
  expect(shown).toEqual(['4: news']);
  server.failure = new Refused('gone', 400, '1105');
  address.go({ turn: 5 });
  address.go({ turn: 4 });
  await settled();
  expect([shown.at(-1), connections.at(-1)]).toEqual(['4: news', 'past']);
});

test('a page that nobody sees holds no link', () => {
  feed.start();
  links.listener?.onOpen();
  feed.pause();
  expect(links.listener).toBeNull();
  feed.resume();
  links.listener?.onOpen();
  expect(watched()).toEqual(['news']);
});

test('a past turn that is not shown yet is asked for once, and is there at once when it is', async () => {
  feed.start();
  address.go({ turn: 7 });
  await settled();
  expect(feed.prefetch(8)).toBe(false);
  expect(feed.prefetch(8)).toBe(false);
  await settled();
  expect(feed.prefetch(8)).toBe(true);
  expect(server.asked.map(({ turn }) => turn)).toEqual([7, 8]);
  address.go({ turn: 8 });
  expect(shown.at(-1)).toBe('8: news');
  expect(server.asked).toHaveLength(2);
});

test('a turn that is refused is not waited for, and one that nobody answered is asked for again', async () => {
  feed.start();
  address.go({ turn: 7 });
  await settled();
  server.failure = new Busy('too much to do', 503);
  expect(feed.prefetch(8)).toBe(false);
  await settled();
  expect(feed.prefetch(8)).toBe(false);
  await settled();
  server.failure = new Refused('There is no snapshot of turn 8', 400, '1105');
  expect(feed.prefetch(8)).toBe(false);
  await settled();
  expect(feed.prefetch(8)).toBe(true);
});
