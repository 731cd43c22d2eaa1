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
  const response = await request('api/v2/query/tuples', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(turn === null ? { sql, args } : { sql, args, turn }),
  });
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    if (error instanceof SyntaxError) throw new Unreadable(`the answer is not JSON: ${error.message}`);
    throw new Unreachable('the answer broke off');
  }
  const { headers } = response;
  return readAnswer(body, headers.get('Wasmverse-Turn'), headers.get('Wasmverse-Truncated'));
}

/** What the browser says of a connection that failed (`Failed to fetch`, `Load failed`, ...) tells a person nothing. */
function silenceWords(error: unknown): string {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError';
  return isLate ? `no answer from the server within ${PATIENCE_MS / 1000} s` : 'the server cannot be reached';
}

/** A fetch that turns every way to fail into a `SourceFailure`. */
export async function request(address: string, init: RequestInit): Promise<Response> {
  let response: Response;
  let refusal: string;
  try {
    const token = heldToken();
    const headers = { ...init.headers, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
    response = await fetch(address, { ...init, headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) return response;
    refusal = await response.text();
  } catch (error) {
    if (error instanceof SourceFailure) throw error;
    throw new Unreachable(silenceWords(error));
  }
  throw failureOf(response.status, refusal);
}
