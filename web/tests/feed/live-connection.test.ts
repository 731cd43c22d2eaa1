import { beforeEach, describe, expect, test } from 'vitest';
import { LiveConnection } from '../../src/feed/live-connection';
import type { Value } from '../../src/source/answer';
import { Unreadable } from '../../src/source/failure';
import type { LinkListener } from '../../src/source/link';
import { TURNS } from '../../src/sql/turns';
import { answerOf, turnsUpTo } from '../build';

/** A server and a clock in the hands of the test. */
class Fake {
  links = 0;
  tid = 0;
  link: LinkListener | null = null;
  timer: (() => void) | null = null;
  delayMs = 0;
  readonly log: string[] = [];
  /** What the page said on the present link. */
  sent: { id: number; sql?: string; args?: Value[]; unsubscribe?: boolean }[] = [];

  readonly connection = new LiveConnection(
    (listener) => {
      this.links += 1;
      this.link = listener;
      this.sent = [];
      return {
        send: (text) => this.sent.push(JSON.parse(text)),
        close: () => {
          if (this.link === listener) this.link = null;
        },
      };
    },
    (delayMs, action) => {
      this.timer = action;
      this.delayMs = delayMs;
      return () => {
        if (this.timer === action) this.timer = null;
      };
    },
    {
      onTurns: (turns) => this.log.push(`turn ${turns[0]?.tid}`),
      onConnection: (connection) =>
        this.log.push(connection.state === 'lost' ? `lost: ${connection.reason}` : connection.state),
    },
  );

  watch(sql: string): () => void {
    return this.connection.watch({
      query: { sql, args: [5], turn: null },
      onAnswer: (answer) => {
        if (answer.rows.length === 0) throw new Unreadable('no rows');
        this.log.push(`${sql} ${answer.turn}`);
      },
      onFailure: (failure) => this.log.push(`${sql} failed: ${failure.message}`),
    });
  }

  idOf(sql: string): number {
    return this.sent.findLast((message) => message.sql === sql)?.id ?? -1;
  }

  open(): void {
    this.link?.onOpen();
  }

  /** The server plays a turn, or a given one, and answers the watch of the turns. */
  turn(tid = this.tid + 1): void {
    this.tid = tid;
    const rows = turnsUpTo(tid).map(({ startMs, endMs, nodes, isLate, ...rest }) => ({
      ...rest,
      start_ms: startMs,
      end_ms: endMs,
      energy_nodes: nodes,
      late: isLate ? 1 : 0,
    }));
    this.answer(this.idOf(TURNS.query.sql), rows);
  }

  answer(id: number, rows: readonly Record<string, Value>[]): void {
    this.link?.onText(JSON.stringify({ id, ...answerOf(rows, this.tid) }));
  }

  refuse(id: number | null, message: string): void {
    this.link?.onText(JSON.stringify({ id, error: { code: 1317, message } }));
  }

  fire(): void {
    const timer = this.timer;
    this.timer = null;
    timer?.();
  }
}

let fake: Fake;

beforeEach(() => {
  fake = new Fake();
  fake.connection.start();
});

describe('the turns', () => {
  test('are watched from the start; the first makes the page live, and each is told once', () => {
    fake.open();
    expect(fake.sent).toEqual([{ id: 1, sql: TURNS.query.sql, args: [] }]);
    expect(fake.log).toEqual([]);
    fake.turn(7);
    fake.turn(7);
    fake.turn(8);
    expect(fake.log).toEqual(['live', 'turn 7', 'turn 8']);
  });

  test('that do not come are missed: the page says so, and looks whether the connection is dead', () => {
    fake.open();
    fake.turn(7);
    expect(fake.delayMs).toBe(5000);
    fake.fire();
    expect(fake.log.at(-1)).toBe('silent');
    expect(fake.links).toBe(2);
    fake.open();
    fake.turn(7);
    expect(fake.log.at(-1)).toBe('silent');
    fake.turn(8);
    expect(fake.log.slice(-2)).toEqual(['live', 'turn 8']);
  });
});

describe('a watch', () => {
  test('is answered with its turn, until it ends', () => {
    fake.open();
    const end = fake.watch('a');
    const id = fake.idOf('a');
    expect(fake.sent.at(-1)).toEqual({ id, sql: 'a', args: [5] });
    fake.turn(7);
    fake.answer(id, [{ x: 1 }]);
    expect(fake.log.at(-1)).toBe('a 7');
    end();
    expect(fake.sent.at(-1)).toEqual({ id, unsubscribe: true });
    fake.answer(id, [{ x: 1 }]);
    expect(fake.log.filter((line) => line.startsWith('a'))).toHaveLength(1);
  });

  test('begun before the connection is sent when it opens', () => {
    const end = fake.watch('gone');
    fake.watch('a');
    end();
    expect(fake.sent).toEqual([]);
    fake.open();
    expect(fake.sent.map((message) => message.sql)).toEqual([TURNS.query.sql, 'a']);
  });

  test('that is refused hears why, the others go on, and it is asked again with the next turn', () => {
    fake.open();
    fake.watch('a');
    fake.watch('b');
    fake.turn(7);
    fake.refuse(fake.idOf('a'), 'took too long');
    expect(fake.log.at(-1)).toBe('a failed: took too long');
    const before = fake.sent.length;
    fake.turn(8);
    expect(fake.sent.slice(before).map((message) => message.sql)).toEqual(['a']);
    fake.turn(9);
    expect(fake.sent).toHaveLength(before + 1);
    expect(fake.log).not.toContain('lost: null');
  });

  test('whose answer cannot be read hears that', () => {
    fake.open();
    fake.watch('a');
    fake.answer(fake.idOf('a'), []);
    expect(fake.log.at(-1)).toBe('a failed: no rows');
  });
});

describe('a lost connection', () => {
  test('is said once, sought ever more slowly, and all is watched again when it is found', () => {
    fake.open();
    fake.watch('a');
    fake.turn(7);
    const delays: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      fake.link?.onEnd();
      delays.push(fake.delayMs);
      fake.fire();
    }
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
    expect(fake.log.filter((line) => line.startsWith('lost'))).toEqual(['lost: null']);
    fake.open();
    expect(fake.sent.map((message) => message.sql)).toEqual([TURNS.query.sql, 'a']);
    // The same turn as before: the server was away, the universe was not.
    fake.turn(7);
    expect(fake.log.at(-1)).toBe('live');
    fake.link?.onEnd();
    expect(fake.delayMs).toBe(250);
  });

  test('tells the server’s last words', () => {
    fake.open();
    fake.refuse(null, 'too many connections');
    fake.link?.onEnd();
    expect(fake.log.at(-1)).toBe('lost: too many connections');
  });

  test('is also a watch of the turns that fails', () => {
    fake.open();
    fake.refuse(1, 'no reader is free');
    expect(fake.log.at(-1)).toBe('lost: no reader is free');
    expect(fake.link).toBeNull();
    fake.fire();
    expect(fake.links).toBe(2);
  });
});

test('stopped, it holds no connection, and begins again when it is started', () => {
  fake.open();
  fake.turn(7);
  fake.connection.stop();
  expect(fake.link).toBeNull();
  expect(fake.timer).toBeNull();
  fake.connection.start();
  fake.open();
  // The same turn as before, but whoever was away has to be told.
  fake.turn(7);
  fake.turn(12);
  expect(fake.log).toEqual(['live', 'turn 7', 'live', 'turn 7', 'turn 12']);
  fake.connection.start();
  expect(fake.links).toBe(2);
});
