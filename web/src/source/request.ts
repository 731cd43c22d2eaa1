import { type Answer, readAnswer, type Value } from './answer';
import { failureOf, SourceFailure, Unreachable, Unreadable } from './failure';
import { heldToken } from './token';

export interface Query {
  readonly sql: string;
  readonly args: readonly Value[];
  /** The turn to read, while the server keeps it; null for the newest. */
  readonly turn: number | null;
}

export type Post = (query: Query) => Promise<Answer>;

/** A query that has not been answered by then never will be; the server's own time limit is shorter. */
const PATIENCE_MS = 20_000;

/** Issues one SQL query. Rejects with a `SourceFailure` and nothing else. */
export async function postQuery({ sql, args, turn }: Query): Promise<Answer> {
  const { answer } = await ask(turn === null ? { sql, args } : { sql, args, turn });
  return answer;
}

/** An answer, and the length of the body that it came in, once unpacked. */
export interface Weighed {
  readonly answer: Answer;
  readonly bytes: number;
}

/**
 * Issues somebody's own query, which may be called off: integers of 64 bits come as text, so that no digit of them is
 * lost. Rejects with a `SourceFailure` and nothing else.
 */
export function askExactly({ sql, args, turn }: Query, signal: AbortSignal): Promise<Weighed> {
  const exact = { sql, args, bigint: 'string' };
  return ask(turn === null ? exact : { ...exact, turn }, signal);
}

async function ask(query: object, signal?: AbortSignal): Promise<Weighed> {
  const response = await request('api/v2/query/tuples', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(query),
    ...(signal === undefined ? {} : { signal }),
  });
  let text: string;
  try {
    text = await response.text();
  } catch {
    throw new Unreachable('the answer broke off');
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Unreadable(`the answer is not JSON: ${String(error)}`);
  }
  const { headers } = response;
  const answer = readAnswer(body, headers.get('Wasmverse-Turn'), headers.get('Wasmverse-Truncated'));
  return { answer, bytes: text.length };
}

/** What the browser says of a connection that failed (`Failed to fetch`, `Load failed`, ...) tells a person nothing. */
function silenceWords(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'AbortError') return 'called off';
  return name === 'TimeoutError'
    ? `no answer from the server within ${PATIENCE_MS / 1000} s`
    : 'the server cannot be reached';
}

/** A fetch that turns every way to fail into a `SourceFailure`. */
export async function request(address: string, init: RequestInit): Promise<Response> {
  let response: Response;
  let refusal: string;
  try {
    const token = heldToken();
    const headers = { ...init.headers, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
    const late = AbortSignal.timeout(PATIENCE_MS);
    const signal = init.signal == null ? late : AbortSignal.any([init.signal, late]);
    response = await fetch(address, { ...init, headers, signal });
    if (response.ok) return response;
    refusal = await response.text();
  } catch (error) {
    if (error instanceof SourceFailure) throw error;
    throw new Unreachable(silenceWords(error));
  }
  throw failureOf(response.status, refusal);
}
