import type { TurnRecord } from '../sql/turns';
import { readTurns, TURNS_QUERY } from '../sql/turns';
import type { Answer } from './answer';
import { Busy, SourceFailure, Unreachable } from './failure';
import { backoffMs, Pace } from './pace';
import type { Post, Query } from './request';

/** A query asked again as turns pass. */
export interface Watch {
  readonly query: Query;
  /** 1: every turn; n: when at least n turns have passed since its last answer. */
  readonly everyTurns: number;
  readonly onAnswer: (answer: Answer) => void;
  /** The server refused the query, or its answer cannot be read. A lost connection is reported by `onConnection`. */
  readonly onFailure: (failure: SourceFailure) => void;
}

export type Connection =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'lost'; readonly failure: SourceFailure };

/** The one place through which the page learns anything of the universe. */
export interface Source {
  /** One query, now. Rejects with a `SourceFailure`. */
  ask(query: Query): Promise<Answer>;
  /** Returns the function that ends the watch. */
  watch(watch: Watch): () => void;
  readonly periodMs: number;
}

export interface SourceListener {
  onTurns(turns: readonly TurnRecord[]): void;
  onConnection(connection: Connection): void;
}

/** The page's clock, an argument so that tests own it. */
export interface Time {
  now(): number;
  after(delayMs: number, action: () => void): () => void;
}

interface Watched {
  readonly watch: Watch;
  askedForTid: number | null;
}

/**
 * Asks over HTTP, once per turn and in phase with the turns: first for the turns themselves, which set the pace, then
 * for each watch that is due. Requests stand in one line, so polls never overlap and answers never overtake each other.
 */
export class PollingSource implements Source {
  private readonly pace = new Pace();
  private readonly watches = new Set<Watched>();
  private line: Promise<void> = Promise.resolve();
  private cancelBeat: () => void = () => {};
  private isPaused = false;
  private tid: number | null = null;
  private failures = 0;

  constructor(
    private readonly post: Post,
    private readonly time: Time,
    private readonly listener: SourceListener,
  ) {}

  get periodMs(): number {
    return this.pace.periodMs;
  }

  start(): void {
    this.listener.onConnection({ state: 'connecting' });
    this.beat();
  }

  ask(query: Query): Promise<Answer> {
    return this.post(query);
  }

  watch(watch: Watch): () => void {
    const watched: Watched = { watch, askedForTid: null };
    this.watches.add(watched);
    // A new watch does not wait for the next turn. Before the first turn is known, the first beat will come to it.
    if (this.tid !== null && this.failures === 0 && !this.isPaused) this.enqueue(() => this.answerDue());
    return () => {
      this.watches.delete(watched);
    };
  }

  /** A page that nobody sees asks nothing. */
  pause(): void {
    this.isPaused = true;
    this.cancelBeat();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.pace.reset();
    this.beat();
  }

  private beat(): void {
    this.enqueue(async () => {
      const wait = await this.round();
      this.beatAfter(wait);
    });
  }

  private beatAfter(delayMs: number): void {
    this.cancelBeat();
    if (!this.isPaused) this.cancelBeat = this.time.after(delayMs, () => this.beat());
  }

  private enqueue(step: () => Promise<void>): void {
    this.line = this.line.then(step).catch((error: unknown) => this.lose(error));
  }

  /** One round of questions; returns how long to wait before the next. */
  private async round(): Promise<number> {
    const turns = readTurns(await this.post(TURNS_QUERY));
    const answeredAt = this.time.now();
    const wait = this.pace.next(turns, answeredAt);
    if (this.failures > 0 || this.tid === null) this.listener.onConnection({ state: 'live' });
    this.failures = 0;
    const tid = turns[0]?.tid ?? 0;
    if (tid !== this.tid) {
      this.tid = tid;
      this.listener.onTurns(turns);
    }
    await this.answerDue();
    return Math.max(0, wait - (this.time.now() - answeredAt));
  }

  private async answerDue(): Promise<void> {
    const tid = this.tid ?? 0;
    // A Set's iteration also visits what is added meanwhile, and skips what is removed.
    for (const watched of this.watches) {
      const passed = watched.askedForTid === null ? Number.POSITIVE_INFINITY : tid - watched.askedForTid;
      // A negative count is a universe begun anew.
      if (passed >= watched.watch.everyTurns || passed < 0) await this.answer(watched, tid);
    }
  }

  private async answer(watched: Watched, tid: number): Promise<void> {
    try {
      const answer = await this.post(watched.watch.query);
      watched.askedForTid = tid;
      if (this.watches.has(watched)) watched.watch.onAnswer(answer);
    } catch (error) {
      if (!(error instanceof SourceFailure) || error instanceof Unreachable || error instanceof Busy)
        throw error;
      watched.askedForTid = tid;
      if (this.watches.has(watched)) watched.watch.onFailure(error);
    }
  }

  private lose(error: unknown): void {
    if (!(error instanceof SourceFailure)) {
      // A fault of this program, not of the connection: let it be seen, and let the turns go on.
      queueMicrotask(() => {
        throw error;
      });
      this.beatAfter(this.periodMs);
      return;
    }
    this.failures += 1;
    this.pace.reset();
    this.listener.onConnection({ state: 'lost', failure: error });
    this.beatAfter(backoffMs(this.failures, error instanceof Busy ? error.retryAfterSeconds : null));
  }
}
