import { Refused, SourceFailure, Unreadable } from '../source/failure';
import type { Post } from '../source/request';
import { keyOf, type Question } from '../sql/question';
import { TURNS, type TurnRecord } from '../sql/turns';
import type { Connection } from './connection';
import type { LiveConnection, LiveListener } from './live-connection';
import type { Store } from './store';
import type { Supply, SupplyListener } from './supply';

/** A question that is asked from time to time, instead of watched. */
interface Asked {
  readonly question: Question<unknown>;
  /** The turn at which it was asked last on this connection; null: not yet. */
  tid: number | null;
  isWanted: boolean;
}

/** Supplies the newest turns, each question at its pace. */
export class Live implements Supply, LiveListener {
  private readonly connection: Pick<LiveConnection, 'start' | 'stop' | 'watch'>;
  private readonly watches = new Map<string, () => void>();
  private readonly failing = new Set<string>();
  private readonly asked = new Map<string, Asked>();
  private isStarted = false;
  private isFound = false;

  constructor(
    connect: (listener: LiveListener) => Pick<LiveConnection, 'start' | 'stop' | 'watch'>,
    private readonly post: Post,
    private readonly store: Store,
    private readonly listener: SupplyListener,
  ) {
    this.connection = connect(this);
  }

  start(): void {
    this.isStarted = true;
    this.connection.start();
  }

  stop(): void {
    this.isStarted = false;
    this.isFound = false;
    this.connection.stop();
  }

  want(question: Question<unknown>): void {
    const key = keyOf(question);
    if (question.pace === 'beat') return;
    if (question.pace === 'turn') {
      this.watches.set(key, this.watch(key, question));
      return;
    }
    const asked = this.asked.get(key) ?? { question, tid: null, isWanted: true };
    asked.isWanted = true;
    this.asked.set(key, asked);
    if (question.pace === 'connection' && this.isFound) this.ask(question);
  }

  release(question: Question<unknown>): void {
    const key = keyOf(question);
    this.watches.get(key)?.();
    this.watches.delete(key);
    this.mend(key);
    const asked = this.asked.get(key);
    if (asked !== undefined) asked.isWanted = false;
  }

  onTurns(turns: readonly TurnRecord[]): void {
    this.store.put(TURNS, turns);
    const tid = turns[0]?.tid ?? 0;
    for (const asked of this.asked.values()) {
      const { pace } = asked.question;
      if (!asked.isWanted || typeof pace !== 'number') continue;
      const passed = asked.tid === null ? Number.POSITIVE_INFINITY : tid - asked.tid;
      // A negative count is a universe that began again.
      if (passed >= 0 && passed < pace) continue;
      asked.tid = tid;
      this.ask(asked.question);
    }
  }

  onConnection(connection: Connection): void {
    this.listener.onConnection(connection);
    this.isFound = connection.state === 'live';
    if (!this.isFound) return;
    // For the first time or again: it may be another universe.
    for (const asked of this.asked.values()) {
      asked.tid = null;
      if (asked.isWanted && asked.question.pace === 'connection') this.ask(asked.question);
    }
  }

  private ask(question: Question<unknown>): void {
    this.post(question.query)
      .then((answer) => this.store.put(question, question.read(answer)))
      .catch((error: unknown) => {
        if (!(error instanceof SourceFailure)) throw error;
        // A server that is busy or away says so on the live connection too, and is asked again.
        const isTold = this.isStarted && (error instanceof Refused || error instanceof Unreadable);
        if (isTold) this.listener.onFailure(error);
      });
  }

  private watch(key: string, question: Question<unknown>): () => void {
    return this.connection.watch({
      query: question.query,
      onAnswer: (answer) => {
        this.store.put(question, question.read(answer));
        this.mend(key);
      },
      onFailure: (failure) => {
        this.failing.add(key);
        this.listener.onFailure(failure);
      },
    });
  }

  private mend(key: string): void {
    if (this.failing.delete(key) && this.failing.size === 0) this.listener.onFailure(null);
  }
}
