import { describe, expect, test } from 'vitest';
import { backoffMs, Pace, periodOf } from '../../src/source/pace';
import { turnsUpTo } from '../build';

/** A server whose clock differs by `skewMs`; plays polls as `Pace` orders them and tells how late each found its turn. */
function poll(given: {
  polls: number;
  periodMs?: number;
  durationMs?: number;
  skewMs?: number;
  latencyMs?: number;
  startMs?: number;
}) {
  const { polls, periodMs = 1000, durationMs = 100, skewMs = 0, latencyMs = 5, startMs = 12_345 } = given;
  const pace = new Pace();
  let now = startMs;
  let seen = 0;
  const lateness: number[] = [];
  const tids: number[] = [];
  for (let i = 0; i < polls; i += 1) {
    const tid = Math.floor((now - durationMs) / periodMs);
    now += latencyMs;
    const turns = turnsUpTo(tid, { periodMs, durationMs, startMs: skewMs });
    if (tid !== seen) lateness.push(now - (tid * periodMs + durationMs));
    if (tid !== seen) tids.push(tid);
    seen = tid;
    now += pace.next(turns, now);
  }
  return { lateness, tids };
}

describe('Pace', () => {
  test('asks soon after each turn, and misses none', () => {
    const { lateness, tids } = poll({ polls: 120 });
    expect(tids.every((tid, i) => i === 0 || tid === (tids[i - 1] ?? 0) + 1)).toBe(true);
    expect(Math.max(...lateness.slice(60))).toBeLessThan(200);
  });

  test('asks about once a turn', () => {
    const { tids } = poll({ polls: 200 });
    expect(tids.length).toBeGreaterThan(150);
  });

  test.each([[-3_600_000], [90_000]])('does not mind a server clock that is %i ms off', (skewMs) => {
    const { lateness, tids } = poll({ polls: 120, skewMs });
    expect(tids.length).toBeGreaterThan(90);
    expect(Math.max(...lateness.slice(60))).toBeLessThan(200);
  });

  test('takes the period from the turns', () => {
    const { lateness, tids } = poll({ polls: 120, periodMs: 250, durationMs: 20 });
    expect(tids.length).toBeGreaterThan(80);
    expect(Math.max(...lateness.slice(60))).toBeLessThan(100);
  });

  test('asks ever more rarely of a universe that stands still', () => {
    const pace = new Pace();
    const still = turnsUpTo(5);
    pace.next(still, 5100);
    const waits = Array.from({ length: 30 }, (_, i) => pace.next(still, 6000 + i));
    expect(waits[0]).toBeLessThan(100);
    expect(waits.at(-1)).toBe(1000);
  });

  test('goes on with a universe begun anew', () => {
    const pace = new Pace();
    pace.next(turnsUpTo(500), 500_200);
    const wait = pace.next(turnsUpTo(2, { startMs: 600_000 }), 602_300);
    expect(wait).toBeGreaterThan(500);
    expect(wait).toBeLessThanOrEqual(1500);
  });

  test('before the first turn it asks again in half a period', () => {
    expect(new Pace().next([], 0)).toBe(500);
  });

  test('after a reset the lag is learned anew', () => {
    const pace = new Pace();
    pace.next(turnsUpTo(5), 5110);
    pace.reset();
    // Seen half a second after its end: without the reset the small lag would win.
    expect(pace.next(turnsUpTo(6), 6600)).toBeGreaterThan(900);
  });
});

describe('periodOf', () => {
  test('is the median: one late turn changes nothing', () => {
    const turns = turnsUpTo(9, { count: 8 }).map((turn) =>
      turn.tid === 9 ? { ...turn, startMs: turn.startMs + 700 } : turn,
    );
    expect(periodOf(turns)).toBe(1000);
  });

  test('needs two turns that follow each other', () => {
    expect(periodOf(turnsUpTo(1))).toBeNull();
    const [newest, , third] = turnsUpTo(9);
    expect(periodOf([newest, third].filter((turn) => turn !== undefined))).toBeNull();
  });
});

test('backoff doubles up to five seconds, and heeds Retry-After', () => {
  expect([1, 2, 3, 20].map((failures) => backoffMs(failures, null))).toEqual([250, 500, 1000, 5000]);
  expect(backoffMs(1, 8)).toBe(8000);
});
