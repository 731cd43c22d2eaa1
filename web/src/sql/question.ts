import type { Answer } from '../source/answer';
import type { Query } from '../source/request';

/**
 * When a question is asked while the page is live. About a past turn each is asked once.
 *
 * - `beat`: it is the question about the turns, which the live connection asks by itself.
 * - `turn`: it is watched, and answered after every turn in which the answer changed.
 * - `connection`: it is asked when the server is found, and again when it is found again.
 * - a number: it is asked once in so many turns.
 */
export type Pace = 'beat' | 'turn' | 'connection' | number;

/** A query of the page, and how its answer is read. */
export interface Question<T> {
  /** What it is about. Of two questions about the same, the later answer replaces the earlier one. */
  readonly about: string;
  readonly query: Query;
  readonly pace: Pace;
  /** Throws `Unreadable` for an answer that does not have the columns asked for. */
  readonly read: (answer: Answer) => T;
}

/** The same question about the state at the end of `turn`; null for the newest. */
export function at<T>(question: Question<T>, turn: number | null): Question<T> {
  return { ...question, query: { ...question.query, turn } };
}

/** Two questions with the same key are the same question. */
export function keyOf({ about, query }: Question<unknown>): string {
  return JSON.stringify([about, query.turn, query.sql, query.args]);
}
