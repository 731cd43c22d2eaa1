import { beforeEach, describe, expect, test } from 'vitest';
import { Renewal, scriptOf } from '../../src/share/renewal';

const MINUTE_MS = 60_000;

/** A page, a server and a clock in the hands of the test. */
class Days {
  nowMs = MINUTE_MS;
  /** What the server gives out; null while it is away. */
  script: string | null = 'assets/index-old.js';
  loads = 0;
  asked = 0;
  timers: { atMs: number; action: () => void }[] = [];

  readonly renewal = new Renewal(
    {
      script: 'assets/index-old.js',
      ask: async () => {
        this.asked += 1;
        return this.script;
      },
      ageMs: () => this.nowMs,
      load: () => {
        this.loads += 1;
      },
    },
    (delayMs, action) => {
      const timer = { atMs: this.nowMs + delayMs, action };
      this.timers.push(timer);
      return () => {
        this.timers = this.timers.filter((each) => each !== timer);
      };
    },
  );

  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      await Promise.resolve();
      await Promise.resolve();
      const [next] = [...this.timers].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.nowMs = next.atMs;
      next.action();
    }
    this.nowMs = untilMs;
  }
}

let days: Days;
beforeEach(() => {
  days = new Days();
});

describe('a page that runs for days', () => {
  test('stays as it is for a week while the server has nothing new, with one timer', async () => {
    days.renewal.keep(true);
    for (let day = 0; day < 7; day += 1) {
      await days.pass(24 * 60 * MINUTE_MS);
      days.renewal.rest();
      days.renewal.keep(true);
      expect(days.timers).toHaveLength(1);
    }
    expect(days.loads).toBe(0);
    expect(days.asked).toBeGreaterThan(7 * 24 * 30);
  });

  test('loads a new page between two visits of the tour', async () => {
    days.renewal.keep(true);
    days.script = 'assets/index-new.js';
    days.renewal.rest();
    expect(days.loads).toBe(0);
    await days.pass(1.5 * MINUTE_MS);
    expect(days.loads).toBe(0);
    days.renewal.rest();
    expect(days.loads).toBe(1);
  });

  test('has one timer, also when it ceases and begins again while it asks', async () => {
    days.renewal.keep(true);
    await days.pass(MINUTE_MS - 1);
    days.nowMs += 1;
    days.timers.splice(0)[0]?.action();
    days.renewal.keep(false);
    days.renewal.keep(true);
    await days.pass(MINUTE_MS / 2);
    expect(days.timers).toHaveLength(1);
  });

  test('seeks a fresh page when it begins after no turn has come for long', async () => {
    days.renewal.connected(false);
    await days.pass(20 * MINUTE_MS);
    expect(days.loads).toBe(0);
    days.renewal.keep(true);
    await days.pass(11 * MINUTE_MS);
    expect(days.loads).toBe(1);
  });

  test('does not wait for ever for such a moment', async () => {
    days.renewal.keep(true);
    days.script = 'assets/index-new.js';
    await days.pass(10 * MINUTE_MS);
    expect(days.loads).toBe(1);
  });

  test('does nothing while the server is away, and nothing when it comes back as it was', async () => {
    days.renewal.keep(true);
    days.script = null;
    await days.pass(60 * MINUTE_MS);
    days.renewal.rest();
    days.script = 'assets/index-old.js';
    await days.pass(60 * MINUTE_MS);
    days.renewal.rest();
    expect(days.loads).toBe(0);
  });

  test('loads itself when no turn has come for ten minutes, once the server is there', async () => {
    days.renewal.keep(true);
    days.renewal.connected(false);
    await days.pass(9 * MINUTE_MS);
    days.renewal.connected(true);
    await days.pass(30 * MINUTE_MS);
    expect(days.loads).toBe(0);
    days.script = null;
    for (const isLive of [false, false, false]) days.renewal.connected(isLive);
    await days.pass(30 * MINUTE_MS);
    expect(days.loads).toBe(0);
    days.script = 'assets/index-old.js';
    await days.pass(MINUTE_MS);
    expect(days.loads).toBe(1);
  });
});

describe('any page', () => {
  test('does not ask for a new one, nor loads itself without turns: a person is there', async () => {
    days.renewal.connected(false);
    await days.pass(60 * MINUTE_MS);
    expect([days.asked, days.loads]).toEqual([0, 0]);
    days.renewal.keep(true);
    days.script = 'assets/index-new.js';
    await days.pass(1.5 * MINUTE_MS);
    days.renewal.keep(false);
    days.renewal.rest();
    await days.pass(60 * MINUTE_MS);
    expect(days.loads).toBe(0);
    expect(days.timers).toEqual([]);
  });

  test('loads itself when nothing can be drawn, once the server is there', async () => {
    days.script = null;
    days.renewal.lose();
    days.renewal.lose();
    await days.pass(MINUTE_MS);
    expect(days.loads).toBe(0);
    expect(days.timers).toHaveLength(1);
    days.script = 'assets/index-old.js';
    await days.pass(10_000);
    expect(days.loads).toBe(1);
  });

  test('waits a minute when that is so from its beginning', async () => {
    days.nowMs = 100;
    days.renewal.lose();
    await days.pass(MINUTE_MS - 1_000);
    expect(days.loads).toBe(0);
    await days.pass(2_000);
    expect(days.loads).toBe(1);
  });
});

test('the script of a page is found in its text', () => {
  const html =
    '<head><link href="./x.css"><script type="module" crossorigin src="./assets/index-a1.js"></script>';
  expect(scriptOf(html)).toBe('./assets/index-a1.js');
  expect(scriptOf('<p>Bad gateway</p>')).toBeNull();
});
