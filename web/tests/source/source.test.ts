import { beforeEach, describe, expect, test } from 'vitest';
import { Busy, Refused, type SourceFailure, Unreachable } from '../../src/source/failure';
import type { Query } from '../../src/source/request';
import { PollingSource, type Watch } from '../../src/source/source';
import { TURNS_QUERY } from '../../src/sql/turns';
import { answerOf, turnsUpTo } from '../build';

/** A server and a clock in the hands of the test. */
class Fake {
  tid = 1;
  fails: SourceFailure | null = null;
  refusesSql: string | null = null;
  underWay = 0;
  readonly asked: string[] = [];
  readonly log: string[] = [];
  timer: (() => void) | null = null;
  delayMs = 0;

  readonly source = new PollingSource(
    (query) => this.post(query),
    {
      now: () => this.tid * 1000 + 150,
      after: (delayMs, action) => {
        this.timer = action;
        this.delayMs = delayMs;
        return () => {
          if (this.timer === action) this.timer = null;
        };
      },
    },
    {
      onTurns: (turns) => this.log.push(`turn ${turns[0]?.tid}`),
      onConnection: (connection) => this.log.push(connection.state),
    },
  );

  watch(sql: string, given: Partial<Watch> = {}): () => void {
    return this.source.watch({
      query: { sql, args: [] },
      everyTurns: 1,
      onAnswer: (answer) => this.log.push(`${sql} ${answer.turn}`),
      onFailure: (failure) => this.log.push(`${sql} refused: ${failure.message}`),
      ...given,
    });
  }

  async beat(): Promise<void> {
    const timer = this.timer;
    this.timer = null;
    timer?.();
    await settle();
  }

  async turn(): Promise<void> {
    this.tid += 1;
    await this.beat();
  }

  private async post(query: Query) {
    this.asked.push(query.sql);
    this.underWay += 1;
    expect(this.underWay, 'polls must not overlap').toBe(1);
    await settle(1);
    this.underWay -= 1;
    if (this.fails !== null) throw this.fails;
    if (query.sql === this.refusesSql) throw new Refused('no such table', 400, '1146');
    if (query !== TURNS_QUERY) return answerOf([{ a: 1 }], this.tid);
    return answerOf(
      turnsUpTo(this.tid).map(({ startMs, endMs, nodes, isLate, ...rest }) => ({
        ...rest,
        start_ms: startMs,
        end_ms: endMs,
        energy_nodes: nodes,
        late: isLate,
      })),
      this.tid,
    );
  }
}

async function settle(ticks = 40): Promise<void> {
  for (let i = 0; i < ticks; i += 1) await Promise.resolve();
}

let fake: Fake;

beforeEach(async () => {
  fake = new Fake();
  fake.source.start();
  await settle();
});

describe('PollingSource', () => {
  test('says how it stands, tells each turn once, and waits for the next', async () => {
    expect(fake.log).toEqual(['connecting', 'live', 'turn 1']);
    await fake.beat();
    expect(fake.log).toHaveLength(3);
    await fake.turn();
    expect(fake.log.at(-1)).toBe('turn 2');
    expect(fake.timer).not.toBeNull();
  });

  test('a new watch is answered at once, then every turn, and not between', async () => {
    fake.watch('a');
    await settle();
    expect(fake.log.at(-1)).toBe('a 1');
    await fake.beat();
    expect(fake.asked.filter((sql) => sql === 'a')).toHaveLength(1);
    await fake.turn();
    expect(fake.log.slice(-2)).toEqual(['turn 2', 'a 2']);
  });

  test('a rare watch lets turns pass', async () => {
    fake.watch('a', { everyTurns: 3 });
    await settle();
    for (let i = 0; i < 6; i += 1) await fake.turn();
    expect(fake.log.filter((line) => line.startsWith('a'))).toEqual(['a 1', 'a 4', 'a 7']);
  });

  test('a watch that has ended hears nothing, not even an answer under way', async () => {
    const end = fake.watch('a');
    end();
    await settle();
    await fake.turn();
    expect(fake.log.filter((line) => line.startsWith('a'))).toEqual([]);
  });

  test('a refused query is told to its watch alone; the turns and other watches go on', async () => {
    fake.refusesSql = 'bad';
    fake.watch('bad');
    fake.watch('good');
    await settle();
    expect(fake.log.slice(-2)).toEqual(['bad refused: no such table', 'good 1']);
    await fake.turn();
    expect(fake.log.at(-1)).toBe('good 2');
    expect(fake.log).not.toContain('lost');
  });

  test('a lost connection is said, sought again ever more slowly, and found again', async () => {
    fake.watch('a');
    await settle();
    fake.fails = new Unreachable('gone');
    await fake.turn();
    expect(fake.log.at(-1)).toBe('lost');
    expect(fake.delayMs).toBe(250);
    await fake.beat();
    expect(fake.delayMs).toBe(500);
    fake.fails = null;
    await fake.beat();
    expect(fake.log.slice(-3)).toEqual(['live', 'turn 2', 'a 2']);
  });

  test('a watch whose query found no server is asked again, in the same turn', async () => {
    fake.fails = new Unreachable('gone');
    fake.watch('a');
    await settle();
    expect(fake.log.at(-1)).toBe('lost');
    fake.fails = null;
    await fake.beat();
    expect(fake.log.at(-1)).toBe('a 1');
  });

  test('a busy server is given the time it asks for', async () => {
    fake.fails = new Busy('too many', 429, 7);
    await fake.turn();
    expect(fake.delayMs).toBe(7000);
  });

  test('a universe begun anew answers every watch', async () => {
    fake.tid = 90;
    await fake.beat();
    fake.watch('a', { everyTurns: 5 });
    await settle();
    fake.tid = 1;
    await fake.beat();
    expect(fake.log.slice(-2)).toEqual(['turn 1', 'a 1']);
  });

  test('a page that nobody sees asks nothing, and catches up when seen', async () => {
    fake.source.pause();
    expect(fake.timer).toBeNull();
    fake.tid = 5;
    fake.source.resume();
    await settle();
    expect(fake.log.at(-1)).toBe('turn 5');
    expect(fake.timer).not.toBeNull();
  });
});
