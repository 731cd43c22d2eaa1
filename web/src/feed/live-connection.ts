import type { Answer } from '../source/answer';
import { SourceFailure } from '../source/failure';
import type { Link, OpenLink } from '../source/link';
import { readMessage } from '../source/message';
import type { Query } from '../source/request';
import { PERIOD_GUESS_MS, periodOf } from '../sql/period';
import { TURNS, type TurnRecord } from '../sql/turns';
import type { Connection } from './connection';
import { type After, backoffMs } from './supply';

/** A query whose answer is wanted again after every turn in which it changed. */
export interface Watch {
  readonly query: Query;
  readonly onAnswer: (answer: Answer) => void;
  /** The server refused the query, or its answer cannot be read. A lost connection is told to `onConnection`. */
  readonly onFailure: (failure: SourceFailure) => void;
}

export interface LiveListener {
  /** Newest first; told once for each new turn. */
  onTurns(turns: readonly TurnRecord[]): void;
  onConnection(connection: Connection): void;
}

/** Without a turn for so many periods, and so long, something is wrong. */
const SILENT_PERIODS = 4;
const SILENT_MS_MIN = 5000;

/**
 * Live queries over one WebSocket: the server answers each after every turn in which its result changed. It watches the
 * turns itself, to know that it is alive. A lost connection is sought again without end.
 */
export class LiveConnection {
  private readonly watches = new Map<number, Watch>();
  private readonly failed = new Set<number>();
  private lastId = 0;
  private link: Link | null = null;
  private isOpen = false;
  private isStopped = true;
  private attempts = 0;
  private state: Connection['state'] = 'connecting';
  private lastWords: string | null = null;
  private tid: number | null = null;
  private cancelTimer: () => void = () => {};
  private periodMs = PERIOD_GUESS_MS;

  constructor(
    private readonly openLink: OpenLink,
    private readonly after: After,
    private readonly listener: LiveListener,
  ) {
    this.watch({
      query: TURNS.query,
      onAnswer: (answer) => this.takeTurns(TURNS.read(answer)),
      onFailure: (failure) => this.lose(failure.message),
    });
  }

  start(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    this.connect();
  }

  /** Holds no connection, until it is started again. */
  stop(): void {
    this.isStopped = true;
    // Who comes back may find another universe, so the next turn is told as a new connection.
    this.state = 'connecting';
    this.tid = null;
    this.hangUp();
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

  private subscribe(id: number, { query: { sql, args } }: Watch): void {
    if (this.isOpen) this.link?.send(JSON.stringify({ id, sql, args }));
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
    if (this.isStopped) return;
    this.attempts += 1;
    this.enter({ state: 'lost', reason });
    this.cancelTimer = this.after(backoffMs(this.attempts), () => this.connect());
  }

  private enter(connection: Connection): void {
    if (connection.state === this.state) return;
    this.state = connection.state;
    this.listener.onConnection(connection);
  }
}
