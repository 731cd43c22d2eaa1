/** Until two turns that follow each other have been seen, the period is a guess. */
export const PERIOD_GUESS_MS = 1000;

/** When one turn was played, by the server's clock. */
export interface TurnTime {
  readonly tid: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The time between the starts of turns that follow each other, newest first: the median, so that one late turn changes
 * nothing. Null until two such turns are known.
 */
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
