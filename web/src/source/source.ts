import { readTurns, TURNS_QUERY, type TurnRecord } from '../sql/turns';
import type { Answer } from './answer';
import { SourceFailure } from './failure';
import type { Link, OpenLink } from './link';
import { readMessage } from './message';
import { periodOf } from './period';
import type { Post, Query } from './request';

/** A query whose answer is wanted anew after every turn in which it changed. */
export interface Watch {
  readonly query: Query;
  readonly onAnswer: (answer: Answer) => void;
  /** The server refused the query, or its answer cannot be read. A lost connection is told to `onConnection`. */
  readonly onFailure: (failure: SourceFailure) => void;
}

export type Connection =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** The server is there, but no turn comes. */
  | { readonly state: 'silent' }
  /** `reason` is what the server said last, if it said anything. */
  | { readonly state: 'lost'; readonly reason: string | null };

export interface SourceListener {
  /** Newest first; told once for each new turn. */
  onTurns(turns: readonly TurnRecord[]): void;
  onConnection(connection: Connection): void;
}

/** Runs an action later; returns the function that calls it off. An argument, so that tests own the time. */
export type After = (delayMs: number, action: () => void) => () => void;

/** Until two turns have been seen, the period is a guess. */
const PERIOD_GUESS_MS = 1000;
/** Without a turn for so many periods, and so long, something is wrong. */
const SILENT_PERIODS = 4;
const SILENT_MS_MIN = 5000;
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 5000;

/**
 * The one place through which the page learns of the universe: live queries over one WebSocket, of which the server
 * answers each after every turn, and single queries over HTTP. A lost connection is sought again without end.
 */
export class Source {
  private readonly watches = new Map<number, Watch>();
  private readonly failed = new Set<number>();
  private lastId = 0;
  private link: Link | null = null;
  private isOpen = false;
  private isPaused = false;
  private attempts = 0;
  private state: Connection['state'] = 'connecting';
  private lastWords: string | null = null;
  private tid: number | null = null;
  private cancelTimer: () => void = () => {};
  periodMs = PERIOD_GUESS_MS;

  constructor(
    private readonly openLink: OpenLink,
    private readonly post: Post,
    private readonly after: After,
    private readonly listener: SourceListener,
  ) {
    this.watch({
      query: TURNS_QUERY,
      onAnswer: (answer) => this.takeTurns(readTurns(answer)),
      onFailure: (failure) => this.lose(failure.message),
    });
  }

  start(): void {
    this.connect();
  }

  /** One query, now. Rejects with a `SourceFailure`. */
  ask(query: Query): Promise<Answer> {
    return this.post(query);
  }

  /** Returns the function that ends the watch. */
  watch(watch: Watch): () => void {
    this.lastId += 1;
    const id = this.lastId;
    this.watches.set(id, watch);
    this.subscribe(id, watch);
    return () => {
      if (this.watches.delete(id) && this.isOpen) this.link?.send(JSON.stringify({ id, unsubscribe: true }));
    };
  }

  /** A page that nobody sees asks nothing. */
  pause(): void {
    this.isPaused = true;
    // Who comes back may find another universe, so the next turn is told as a new connection.
    this.state = 'connecting';
    this.hangUp();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.connect();
  }

  private connect(): void {
    this.hangUp();
    this.link = this.openLink({
      onOpen: () => {
        this.isOpen = true;
        for (const [id, watch] of this.watches) this.subscribe(id, watch);
        this.awaitTurn();
      },
      onText: (text) => this.take(text),
      onEnd: () => this.lose(this.lastWords),
    });
  }

  private hangUp(): void {
    this.cancelTimer();
    this.link?.close();
    this.link = null;
    this.isOpen = false;
    this.failed.clear();
  }

  private subscribe(id: number, { query }: Watch): void {
    if (this.isOpen) this.link?.send(JSON.stringify({ id, ...query }));
  }

  private take(text: string): void {
    const { id, outcome } = readMessage(text);
    if (id === null) {
      // Not about a query of ours: the reason for what comes next.
      if (outcome instanceof SourceFailure) this.lastWords = outcome.message;
      return;
    }
    // An answer may have been on its way when its watch ended.
    const watch = this.watches.get(id);
    if (watch === undefined) return;
    if (outcome instanceof SourceFailure) {
      this.fail(id, watch, outcome);
      return;
    }
    try {
      watch.onAnswer(outcome);
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      this.fail(id, watch, error);
    }
  }

  private fail(id: number, watch: Watch, failure: SourceFailure): void {
    this.failed.add(id);
    watch.onFailure(failure);
  }

  /** The server ends a live query that fails; the page's queries are sound, so each is asked again with the next turn. */
  private renewFailed(): void {
    const failed = [...this.failed];
    this.failed.clear();
    for (const id of failed) {
      const watch = this.watches.get(id);
      if (watch !== undefined) this.subscribe(id, watch);
    }
  }

  private takeTurns(turns: readonly TurnRecord[]): void {
    this.attempts = 0;
    this.lastWords = null;
    this.periodMs = periodOf(turns) ?? this.periodMs;
    const tid = turns[0]?.tid ?? 0;
    const isNew = tid !== this.tid;
    // After a silence only a new turn tells that the universe goes on.
    if (isNew || this.state !== 'silent') this.enter({ state: 'live' });
    if (!isNew) return;
    this.tid = tid;
    this.awaitTurn();
    this.renewFailed();
    this.listener.onTurns(turns);
  }

  private awaitTurn(): void {
    this.cancelTimer();
    const patienceMs = Math.max(SILENT_MS_MIN, this.periodMs * SILENT_PERIODS);
    this.cancelTimer = this.after(patienceMs, () => {
      this.enter({ state: 'silent' });
      // The connection itself may be dead without having ended: a new one finds out.
      this.connect();
    });
  }

  private lose(reason: string | null): void {
    this.hangUp();
    if (this.isPaused) return;
    this.attempts += 1;
    this.enter({ state: 'lost', reason });
    const delayMs = Math.min(BACKOFF_MS_MIN * 2 ** (this.attempts - 1), BACKOFF_MS_MAX);
    this.cancelTimer = this.after(delayMs, () => this.connect());
  }

  private enter(connection: Connection): void {
    if (connection.state === this.state) return;
    this.state = connection.state;
    this.listener.onConnection(connection);
  }
}
