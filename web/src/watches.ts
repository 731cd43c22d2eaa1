import type { Place } from './place/place';
import type { Answer } from './source/answer';
import { SourceFailure } from './source/failure';
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
  readNews,
  readSummaries,
  SUMMARY_QUERY,
  type SystemNews,
  type SystemSummary,
} from './sql/systems';

export interface WatchListener {
  onStandings(standings: readonly Standing[]): void;
  onSummaries(summaries: readonly SystemSummary[]): void;
  onNews(news: readonly SystemNews[]): void;
  onSystem(sid: number, state: SystemState): void;
  onStrategies(strategies: readonly Strategy[]): void;
  onFailure(failure: SourceFailure): void;
}

/** Who leads changes slowly; the query behind it reads every ship. */
const SUMMARY_TURNS = 6;
const STANDINGS_TURNS = 3;

/** Keeps exactly those queries watched that the place calls for: what is not in view is not asked for. */
export class Watches {
  private readonly ends = new Map<string, () => void>();

  constructor(
    private readonly source: Source,
    private readonly listener: WatchListener,
  ) {}

  attend(place: Place): void {
    const { sid, eid } = place;
    this.keep('standings', true, STANDINGS_QUERY, STANDINGS_TURNS, (answer) =>
      this.listener.onStandings(readStandings(answer)),
    );
    this.keep('summaries', sid === null, SUMMARY_QUERY, SUMMARY_TURNS, (answer) =>
      this.listener.onSummaries(readSummaries(answer)),
    );
    this.keep('news', sid === null, NEWS_QUERY, 1, (answer) => this.listener.onNews(readNews(answer)));
    this.keep('strategies', place.sheet === 'strategies', STRATEGIES_QUERY, 1, (answer) =>
      this.listener.onStrategies(readStrategies(answer)),
    );
    // The selected entity is part of the query: its plan is decoded there.
    const system = `system/${sid}/${eid}`;
    for (const key of this.ends.keys()) if (key.startsWith('system/') && key !== system) this.end(key);
    if (sid !== null) {
      this.keep(system, true, systemQuery(sid, eid), 1, (answer) =>
        this.listener.onSystem(sid, readSystem(answer)),
      );
    }
  }

  private keep(
    key: string,
    isWanted: boolean,
    query: Query,
    everyTurns: number,
    onAnswer: (answer: Answer) => void,
  ): void {
    if (!isWanted) this.end(key);
    if (!isWanted || this.ends.has(key)) return;
    this.ends.set(
      key,
      this.source.watch({
        query,
        everyTurns,
        onAnswer: (answer) => {
          try {
            onAnswer(answer);
          } catch (error) {
            if (!(error instanceof SourceFailure)) throw error;
            this.listener.onFailure(error);
          }
        },
        onFailure: (failure) => this.listener.onFailure(failure),
      }),
    );
  }

  private end(key: string): void {
    this.ends.get(key)?.();
    this.ends.delete(key);
  }
}
