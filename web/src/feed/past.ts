import { Busy, Refused, SourceFailure, Unreachable, Unreadable } from '../source/failure';
import type { Post } from '../source/request';
import { keyOf, type Question } from '../sql/question';
import type { Connection } from './connection';
import type { Store } from './store';
import { type After, backoffMs, type Supply, type SupplyListener } from './supply';

/** What the server answers when it does not have the turn: no statement is to blame for it. */
const MISSING_TURN = '1105';

interface Wanted {
  readonly question: Question<unknown>;
  isUnderWay: boolean;
  /** Why the last try brought no answer. */
  failure: SourceFailure | null;
}

/** Supplies one past turn. What the store has is not asked for; who is busy or away is asked again. */
export class Past implements Supply {
  /** What is wanted and not answered. */
  private readonly open = new Map<string, Wanted>();
  private isStarted = false;
  private hasAnswers = false;
  private attempts = 0;
  private cancelTimer: (() => void) | null = null;

  constructor(
    private readonly turn: number,
    private readonly post: Post,
    private readonly after: After,
    private readonly store: Store,
    private readonly listener: SupplyListener,
  ) {}

  start(): void {
    this.isStarted = true;
    this.retry();
    this.tell();
  }

  stop(): void {
    this.isStarted = false;
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  want(question: Question<unknown>): void {
    if (this.store.get(question) !== null) this.hasAnswers = true;
    else {
      const wanted: Wanted = { question, isUnderWay: false, failure: null };
      this.open.set(keyOf(question), wanted);
      this.ask(wanted);
    }
    this.tell();
  }

  release(question: Question<unknown>): void {
    this.open.delete(keyOf(question));
    this.tell();
  }

  private ask(wanted: Wanted): void {
    const { question } = wanted;
    wanted.isUnderWay = true;
    this.post(question.query)
      .then((answer) => {
        if (answer.turn !== this.turn)
          throw new Unreadable(`turn ${this.turn} was asked for, turn ${answer.turn} was answered`);
        const value = question.read(answer);
        this.attempts = 0;
        this.hasAnswers = true;
        const key = keyOf(question);
        if (this.open.get(key) === wanted) this.open.delete(key);
        // Kept also when nobody wants it any more: it stays true.
        this.store.put(question, value);
      })
      .catch((error: unknown) => {
        if (!(error instanceof SourceFailure)) throw error;
        wanted.failure = error;
      })
      .finally(() => {
        wanted.isUnderWay = false;
        this.tell();
      });
  }

  private retry(): void {
    for (const wanted of this.open.values())
      if (isPassing(wanted.failure) && !wanted.isUnderWay) this.ask(wanted);
  }

  private tell(): void {
    if (!this.isStarted) return;
    const failures = [...this.open.values()].map((wanted) => wanted.failure).filter((each) => each !== null);
    const connection = this.connectionWith(failures);
    this.listener.onConnection(connection);
    const refusal = failures.find((failure) => !isPassing(failure));
    if (connection.state === 'past' && refusal !== undefined) this.listener.onFailure(refusal);
    if (connection.state === 'lost' && this.cancelTimer === null) {
      this.attempts += 1;
      this.cancelTimer = this.after(backoffMs(this.attempts), () => {
        this.cancelTimer = null;
        this.retry();
      });
    }
  }

  private connectionWith(failures: readonly SourceFailure[]): Connection {
    const { turn } = this;
    const gone = failures.find((failure) => failure instanceof Refused && failure.code === MISSING_TURN);
    if (gone !== undefined) return { state: 'gone', turn, reason: gone.message };
    const passing = failures.find(isPassing);
    if (passing !== undefined) return { state: 'lost', reason: passing.message };
    return this.hasAnswers || failures.length > 0 ? { state: 'past', turn } : { state: 'connecting' };
  }
}

/** Whether the server may answer the same question in a moment. */
function isPassing(failure: SourceFailure | null): boolean {
  return failure instanceof Busy || failure instanceof Unreachable;
}
