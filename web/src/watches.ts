import type { Place } from './place/place';
import type { Answer } from './source/answer';
import { Refused, SourceFailure, Unreadable } from './source/failure';
import type { Query } from './source/request';
import type { Source } from './source/source';
import {
  readStandings,
  readStrategies,
  STANDINGS_QUERY,
  STRATEGIES_QUERY,
  type Standing,
  type Strategy,
} from './sql/strategies';
import { readSystem, type SystemState, systemQuery } from './sql/system';
import {
  NEWS_QUERY,
  PLACES_QUERY,
  readNews,
  readPlaces,
  readSummaries,
  SUMMARY_QUERY,
  type SystemNews,
  type SystemPlace,
  type SystemSummary,
} from './sql/systems';

export interface WatchListener {
  onPlaces(places: readonly SystemPlace[]): void;
  onSummaries(summaries: readonly SystemSummary[]): void;
  onNews(news: readonly SystemNews[]): void;
  onStandings(standings: readonly Standing[]): void;
  onSystem(sid: number, state: SystemState): void;
  onStrategies(strategies: readonly Strategy[]): void;
  /** A query failed; null when every query under way is answered again. */
  onFailure(failure: SourceFailure | null): void;
}

/** Who leads changes slowly, and the query behind it reads every ship: it is asked once in so many turns. */
const SUMMARY_TURNS = 6;

/** Keeps exactly those queries under way that the place calls for: what is not in view is not asked for. */
export class Watches {
  private readonly ends = new Map<string, () => void>();
  private readonly failing = new Set<string>();
  private isMap = false;
  private summarisedTid: number | null = null;

  constructor(
    private readonly source: Pick<Source, 'ask' | 'watch'>,
    private readonly listener: WatchListener,
  ) {}

  attend(place: Place): void {
    const { listener } = this;
    const { sid, eid } = place;
    this.isMap = sid === null;
    this.keep('standings', true, STANDINGS_QUERY, (answer) => listener.onStandings(readStandings(answer)));
    this.keep('news', sid === null, NEWS_QUERY, (answer) => listener.onNews(readNews(answer)));
    this.keep('strategies', place.sheet === 'strategies', STRATEGIES_QUERY, (answer) =>
      listener.onStrategies(readStrategies(answer)),
    );
    // The selected entity is part of the query: its plan is decoded there.
    const system = `system/${sid}/${eid}`;
    for (const key of this.ends.keys()) if (key.startsWith('system/') && key !== system) this.end(key);
    if (sid !== null) {
      this.keep(system, true, systemQuery(sid, eid), (answer) => listener.onSystem(sid, readSystem(answer)));
    }
  }

  /** A turn has been played. */
  turn(tid: number): void {
    if (!this.isMap) return;
    const passed = this.summarisedTid === null ? Number.POSITIVE_INFINITY : tid - this.summarisedTid;
    // A negative count is a universe begun anew.
    if (passed >= 0 && passed < SUMMARY_TURNS) return;
    this.summarisedTid = tid;
    this.askOnce(SUMMARY_QUERY, (answer) => this.listener.onSummaries(readSummaries(answer)));
  }

  /** The server is there, for the first time or again: it may be another universe. */
  begin(): void {
    this.summarisedTid = null;
    this.askOnce(PLACES_QUERY, (answer) => this.listener.onPlaces(readPlaces(answer)));
  }

  private askOnce(query: Query, onAnswer: (answer: Answer) => void): void {
    this.source
      .ask(query)
      .then(onAnswer)
      .catch((error: unknown) => {
        if (!(error instanceof SourceFailure)) throw error;
        // A server that is busy or away says so on the live connection too, and is asked again.
        if (error instanceof Refused || error instanceof Unreadable) this.listener.onFailure(error);
      });
  }

  private keep(key: string, isWanted: boolean, query: Query, onAnswer: (answer: Answer) => void): void {
    if (!isWanted) this.end(key);
    if (!isWanted || this.ends.has(key)) return;
    this.ends.set(
      key,
      this.source.watch({
        query,
        onAnswer: (answer) => {
          onAnswer(answer);
          this.mend(key);
        },
        onFailure: (failure) => {
          this.failing.add(key);
          this.listener.onFailure(failure);
        },
      }),
    );
  }

  private mend(key: string): void {
    if (this.failing.delete(key) && this.failing.size === 0) this.listener.onFailure(null);
  }

  private end(key: string): void {
    this.ends.get(key)?.();
    this.ends.delete(key);
    this.mend(key);
  }
}
