import type { Measure } from '../place/place';
import { HISTORY_STEP, HISTORY_TURNS, type Holding, NAMED_MAX, type Standing } from '../sql/standings';

/** What each strategy had at the end of a turn; those without a name of their own are together under null. */
export interface Moment {
  readonly tid: number;
  readonly held: ReadonlyMap<string | null, Readonly<Record<Measure, number>>>;
}

/** The moments that `HISTORY` answered, oldest first. */
export function momentsOf(holdings: readonly Holding[]): Moment[] {
  const moments: { tid: number; held: Map<string | null, Readonly<Record<Measure, number>>> }[] = [];
  for (const { tid, strategy, energy, ships } of holdings) {
    let last = moments.at(-1);
    if (last?.tid !== tid) {
      last = { tid, held: new Map() };
      moments.push(last);
    }
    last.held.set(strategy, { energy, ships });
  }
  return moments;
}

/** The newest moment, from the lines of the leaderboard; null where there are none. */
export function momentOf(standings: readonly Standing[]): Moment | null {
  const tid = standings[0]?.tid;
  if (tid === undefined) return null;
  return {
    tid,
    held: new Map(standings.map(({ strategy, energy, ships }) => [strategy, { energy, ships }])),
  };
}

/**
 * `moments` with a newer one at its end. Of those that came one by one only every fourth is kept, as in the history, and
 * the newest; what is older than the chart goes. A moment that is not newer begins again: it is another universe.
 */
export function extended(moments: readonly Moment[], next: Moment): readonly Moment[] {
  const last = moments.at(-1);
  if (last?.tid === next.tid) return moments;
  if (last !== undefined && last.tid > next.tid) return [next];
  const kept = last !== undefined && last.tid % HISTORY_STEP !== 0 ? moments.slice(0, -1) : moments;
  return [...kept.filter(({ tid }) => tid > next.tid - HISTORY_TURNS), next];
}

/** `history`, and after it what has been seen since. */
export function joined(history: readonly Moment[], seen: readonly Moment[]): readonly Moment[] {
  const last = history.at(-1)?.tid ?? Number.NEGATIVE_INFINITY;
  const oldest = (seen.at(-1)?.tid ?? last) - HISTORY_TURNS;
  // A history that is newer than all that was seen is one of another universe, or the first of this.
  return [...history, ...seen.filter(({ tid }) => tid > last)].filter(({ tid }) => tid > oldest);
}

/** Bands that lie on each other, as a share of all: of each strategy the upper edge at each turn, 0 to 1. */
export interface Bands {
  readonly tids: readonly number[];
  /** From the ground up; null: all others. */
  readonly bands: readonly { readonly strategy: string | null; readonly edge: readonly number[] }[];
}

/** `order`: the strategies, the strongest first; it lies on the ground, all others at the top. */
export function bandsOf(moments: readonly Moment[], order: readonly string[], measure: Measure): Bands {
  const named = order.slice(0, NAMED_MAX);
  const tids = moments.map(({ tid }) => tid);
  const totals = moments.map(({ held }) => Math.max(1, sum([...held.values()].map((each) => each[measure]))));
  const below = moments.map(() => 0);
  const bands: { strategy: string | null; edge: number[] }[] = named.map((strategy) => ({
    strategy,
    edge: moments.map(({ held }, i) => {
      below[i] = (below[i] ?? 0) + (held.get(strategy)?.[measure] ?? 0);
      return below[i] / (totals[i] ?? 1);
    }),
  }));
  // What is left over is the others': the band above the last, where there is any.
  if (moments.some((_, i) => (below[i] ?? 0) < (totals[i] ?? 1)))
    bands.push({ strategy: null, edge: moments.map(() => 1) });
  return { tids, bands };
}

/** Whose band is at this height, 0 to 1, at the turn with this number in `tids`. */
export function bandAt({ bands }: Bands, at: number, height: number): string | null {
  return bands.find(({ edge }) => (edge[at] ?? 0) >= height)?.strategy ?? null;
}

/** The share of one strategy at the turn with this number in `tids`. */
export function shareAt({ bands }: Bands, at: number, strategy: string | null): number {
  const place = bands.findIndex((band) => band.strategy === strategy);
  return (bands[place]?.edge[at] ?? 0) - (bands[place - 1]?.edge[at] ?? 0);
}

/** A share that changes less in a minute of turns stands still: a hundredth. */
const STILL = 0.01;

export type Trend = 'rising' | 'falling' | 'steady';

/** A line of the leaderboard with what it says. */
export interface Rank {
  readonly standing: Standing;
  readonly energyShare: number;
  readonly shipShare: number;
  readonly trend: Trend;
}

export function ranksOf(standings: readonly Standing[]): Rank[] {
  const total = (of: (standing: Standing) => number): number => Math.max(1, sum(standings.map(of)));
  const [energy, before, ships] = [
    total((each) => each.energy),
    total((each) => each.energyBefore),
    total((each) => each.ships),
  ];
  return standings.map((standing) => {
    const energyShare = standing.energy / energy;
    const change = energyShare - standing.energyBefore / before;
    return {
      standing,
      energyShare,
      shipShare: standing.ships / ships,
      trend: Math.abs(change) < STILL ? 'steady' : change > 0 ? 'rising' : 'falling',
    };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
