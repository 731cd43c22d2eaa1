import type { SourceFailure } from '../source/failure';
import type { Question } from '../sql/question';
import type { Connection } from './connection';

/** Fills the store with answers to what is wanted: `Live` after every turn, `Past` once, of one turn. */
export interface Supply {
  start(): void;
  /** What is under way is dropped; what is wanted stays wanted, for the next start. */
  stop(): void;
  want(question: Question<unknown>): void;
  release(question: Question<unknown>): void;
}

export interface SupplyListener {
  onConnection(connection: Connection): void;
  /** A query of the page was refused, or its answer makes no sense; null when all are answered again. */
  onFailure(failure: SourceFailure | null): void;
}

/** Runs an action later; returns the function that calls it off. An argument, so that tests own the time. */
export type After = (delayMs: number, action: () => void) => () => void;

export const after: After = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};

const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 5000;

/** How long to wait before the server is tried again, after so many attempts that failed. */
export function backoffMs(attempts: number): number {
  return Math.min(BACKOFF_MS_MIN * 2 ** (attempts - 1), BACKOFF_MS_MAX);
}
