/** When one turn was played, by the server's clock. */
export interface TurnTime {
  readonly tid: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Until two turns have been seen, the period is a guess. */
const PERIOD_GUESS_MS = 1000;
/** A poll that comes too early is tried again after this share of the period. */
const RETRY_SHARE = 0.06;
/** After a poll that found its turn, the next comes this share of the period earlier, to stay close behind the turn. */
const CREEP_SHARE = 0.01;
const RETRY_MIN_MS = 40;

/**
 * Decides when to ask next, so that an answer comes soon after its turn and no turn is asked for twice without need.
 *
 * The next turn ends at start + period + duration by the server's clock. The page's clock differs from it by an
 * unknown `lag` (which also holds the time a request takes), so the lag is learned: each poll that found a new turn
 * shows an upper bound of it; each poll that came too early shows that more is needed.
 */
export class Pace {
  private lagMs = Number.POSITIVE_INFINITY;
  private last: TurnTime | null = null;
  private retries = 0;
  periodMs = PERIOD_GUESS_MS;

  /**
   * Takes in one poll's turns, newest first, received at `nowMs` by the page's clock.
   * Returns how long to wait before the next poll.
   */
  next(turns: readonly TurnTime[], nowMs: number): number {
    this.periodMs = periodOf(turns) ?? this.periodMs;
    const newest = turns[0];
    if (newest === undefined) return this.periodMs / 2;

    const isNew = this.last === null || newest.tid !== this.last.tid;
    const wasRestarted = this.last !== null && newest.tid < this.last.tid;
    this.last = newest;
    const creep = this.periodMs * CREEP_SHARE;
    if (!isNew) {
      this.retries += 1;
      // Each vain retry waits longer, up to a whole period: a universe that stands still is not hammered.
      const wait = Math.max(RETRY_MIN_MS, this.periodMs * RETRY_SHARE) * this.retries;
      return Math.min(wait, this.periodMs);
    }
    const seenLag = nowMs - newest.endMs;
    // After a retry the lag was too small, so what was seen replaces it; otherwise the smallest seen is the best.
    const best = this.retries > 0 || wasRestarted ? seenLag : Math.min(this.lagMs, seenLag);
    this.lagMs = best - creep;
    this.retries = 0;
    const expected = newest.startMs + this.periodMs + (newest.endMs - newest.startMs) + this.lagMs;
    return Math.min(Math.max(expected - nowMs, RETRY_MIN_MS), this.periodMs * 1.5);
  }

  /** Forgets the phase: after a pause or a lost connection the lag is learned anew. */
  reset(): void {
    this.lagMs = Number.POSITIVE_INFINITY;
    this.last = null;
    this.retries = 0;
  }
}

/** The time between the starts of turns that follow each other: the median, so that one late turn changes nothing. */
export function periodOf(turns: readonly TurnTime[]): number | null {
  const gaps: number[] = [];
  for (let i = 0; i + 1 < turns.length; i += 1) {
    const later = turns[i];
    const earlier = turns[i + 1];
    if (later && earlier && later.tid === earlier.tid + 1 && later.startMs > earlier.startMs) {
      gaps.push(later.startMs - earlier.startMs);
    }
  }
  gaps.sort((a, b) => a - b);
  return gaps[gaps.length >> 1] ?? null;
}

/** How long to wait after `failures` in a row: doubling from a quarter of a second to five seconds. */
export function backoffMs(failures: number, retryAfterSeconds: number | null): number {
  const doubled = Math.min(250 * 2 ** Math.max(0, failures - 1), 5000);
  return Math.max(doubled, (retryAfterSeconds ?? 0) * 1000);
}
