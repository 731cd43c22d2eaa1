import { expect, test } from 'vitest';
import { EXAMPLES } from '../../src/console/examples';
import { History, RUNS_KEPT } from '../../src/console/history';
import { LiveQuery } from '../../src/console/live-query';
import { holesIn, readArguments } from '../../src/console/statement';
import { summaryOf } from '../../src/console/summary';
import type { LinkListener } from '../../src/source/link';
import { answerOf } from '../build';

test('the console says what an answer cost, and of which turn it is', () => {
  expect(summaryOf(answerOf([{ a: 1 }], 12_345), { bytes: 812, tookMs: 8.25 })).toBe(
    '1 row · 812 B · 8.3 ms · turn 12,345',
  );
  const many = answerOf(Array.from({ length: 600 }, () => ({ a: 1 })));
  expect(summaryOf({ ...many, cut: 'rows' }, { bytes: 64_000, isLive: true })).toBe(
    '600 rows, cut at the server’s limit of rows · 64 kB · turn 7 · live',
  );
});

test('there are ten examples, each with a value for each of its question marks', () => {
  expect(EXAMPLES).toHaveLength(10);
  for (const { sql, args, title } of EXAMPLES)
    expect(readArguments(args ?? '[]'), title).toHaveLength(holesIn(sql).length);
});

test('history keeps each statement once, newest first, and only what it wrote itself', () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  const history = new History(storage);
  for (let at = 0; at < RUNS_KEPT + 5; at += 1) history.add({ sql: `select ${at}`, args: '[]' });
  history.add({ sql: 'select 60', args: '[]' });
  history.add({ sql: 'x'.repeat(30_000), args: '[]' });
  expect(history.runs).toHaveLength(RUNS_KEPT);
  expect(history.runs.slice(0, 2).map(({ sql }) => sql)).toEqual(['select 60', 'select 64']);
  kept.set([...kept.keys()][0] ?? '', '[{"sql":1},{"sql":"select 1","args":"[]"},{"sql":"a","args":"{}"}]');
  expect(history.runs).toEqual([{ sql: 'select 1', args: '[]' }]);
  kept.set([...kept.keys()][0] ?? '', 'rubbish');
  expect(history.runs).toEqual([]);
});

test('a live query is answered, asked again after a lost connection, and ends with its refusal', () => {
  const links: { listener: LinkListener; sent: string[]; isClosed: boolean }[] = [];
  const waits: (() => void)[] = [];
  const heard: string[] = [];
  const query = new LiveQuery(
    (listener) => {
      const link = { listener, sent: [] as string[], isClosed: false };
      links.push(link);
      return { send: (text) => link.sent.push(text), close: () => (link.isClosed = true) };
    },
    (_, action) => {
      waits.push(action);
      return () => {};
    },
    {
      onAnswer: ({ turn, rows }) => heard.push(`${turn}: ${JSON.stringify(rows)}`),
      onFailure: ({ message }) => heard.push(message),
      onLost: () => heard.push('lost'),
    },
  );
  query.start('select ?', [7]);
  links[0]?.listener.onOpen();
  expect(links[0]?.sent).toEqual(['{"id":1,"sql":"select ?","args":[7],"bigint":"string"}']);
  links[0]?.listener.onText('{"id":1,"turn":9,"columns":[{"name":"a"}],"rows":[["7"]]}');
  links[0]?.listener.onEnd();
  waits[0]?.();
  links[1]?.listener.onOpen();
  expect(links[1]?.sent).toEqual(links[0]?.sent);
  links[1]?.listener.onText('{"id":1,"error":{"code":1146,"message":"no such table"}}');
  expect(heard).toEqual(['9: [["7"]]', 'lost', 'no such table']);
  expect(links[1]?.isClosed).toBe(true);
});
