/** A server, a clock and an address in the hands of the test. */
import type { Arrive } from '../../src/place/address';
import { MAP, type Place } from '../../src/place/place';
import type { Answer } from '../../src/source/answer';
import type { SourceFailure } from '../../src/source/failure';
import type { LinkListener } from '../../src/source/link';
import type { Query } from '../../src/source/request';
import type { Question } from '../../src/sql/question';
import { answerOf } from '../build';

/** A question whose answer is its turn and its one cell, as text. */
export function questionOf(about: string, given: Partial<Question<string>> = {}): Question<string> {
  return {
    about,
    pace: 'turn',
    query: { sql: about, args: [], turn: null },
    read: (answer) => `${answer.turn}: ${answer.rows[0]?.[0]}`,
    ...given,
  };
}

/** Answers what is posted, by the SQL, or fails as it is told to; remembers what it was asked. */
export class FakePost {
  readonly asked: Query[] = [];
  failure: SourceFailure | null = null;
  /** The turn that it answers with, where another is asked for; null: the one asked for. */
  turn: number | null = null;

  readonly post = async (query: Query): Promise<Answer> => {
    this.asked.push(query);
    if (this.failure !== null) throw this.failure;
    return answerOf([{ a: query.sql }], this.turn ?? query.turn);
  };

  get texts(): string[] {
    return this.asked.map((query) => query.sql);
  }
}

/** One timer, which goes off when the test says so. */
export class FakeClock {
  private action: (() => void) | null = null;
  delayMs: number | null = null;

  readonly after = (delayMs: number, action: () => void): (() => void) => {
    this.action = action;
    this.delayMs = delayMs;
    return () => {
      if (this.action === action) this.action = null;
    };
  };

  get isSet(): boolean {
    return this.action !== null;
  }

  fire(): void {
    const { action } = this;
    this.action = null;
    action?.();
  }
}

/** The last link that was opened, and what was sent on it. */
export class FakeLinks {
  listener: LinkListener | null = null;
  sent: { id: number; sql?: string; unsubscribe?: boolean }[] = [];

  readonly open = (listener: LinkListener) => {
    this.listener = listener;
    this.sent = [];
    return {
      send: (text: string) => this.sent.push(JSON.parse(text)),
      close: () => {
        if (this.listener === listener) this.listener = null;
      },
    };
  };

  /** Answers the query that was sent last with this SQL. */
  answer(sql: string, answer: Answer): void {
    const id = this.sent.findLast((message) => message.sql === sql)?.id;
    this.listener?.onText(JSON.stringify({ id, ...answer }));
  }
}

export class FakeAddress {
  private readonly listeners: Arrive[] = [];
  place: Place = MAP;

  listen(listener: Arrive): void {
    this.listeners.push(listener);
    listener(this.place, null);
  }

  go(change: Partial<Place>): void {
    const from = this.place;
    this.place = { ...from, ...change };
    for (const listener of this.listeners) listener(this.place, from);
  }

  replace(change: Partial<Place>): void {
    this.go(change);
  }
}

/** Lets everything that has been answered arrive. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 9; i += 1) await Promise.resolve();
}
