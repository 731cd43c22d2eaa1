import { type Answer, readAnswer } from './answer';
import { Refused, SourceFailure, Unreadable } from './failure';

/** What the server says of one live query; `id` is null when it speaks of none in particular. */
export interface Message {
  readonly id: number | null;
  readonly outcome: Answer | SourceFailure;
}

/**
 * Reads `{"id":1,"turn":7,"columns":[...],"rows":[...]}` or `{"id":1,"error":{"code":1146,"message":"..."}}`.
 * What cannot be read becomes an `Unreadable` outcome: nothing that comes from outside is thrown into the program.
 */
export function readMessage(text: string): Message {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    return { id: null, outcome: new Unreadable(`the message is not JSON: ${String(error)}`) };
  }
  if (typeof body !== 'object' || body === null) {
    return { id: null, outcome: new Unreadable('the message is no object') };
  }
  const id = 'id' in body && typeof body.id === 'number' ? body.id : null;
  if ('error' in body && typeof body.error === 'object' && body.error !== null && 'message' in body.error) {
    const code = 'code' in body.error ? String(body.error.code) : null;
    return { id, outcome: new Refused(String(body.error.message), 200, code) };
  }
  try {
    return { id, outcome: readAnswer({ results: [body] }, 'turn' in body ? String(body.turn) : null, null) };
  } catch (error) {
    if (error instanceof SourceFailure) return { id, outcome: error };
    throw error;
  }
}
