/**
 * Everything that can go wrong between the page and the server.
 *
 *     SourceFailure
 *     |- Refused      the server read the request and said no: the words are for the person (SQL error, refused module)
 *     |- Busy         the server is there but cannot answer now (408, 429, 502, 503, 504): ask again later
 *     |- Unreachable  no answer at all: connection lost, or the server is being restarted
 *     `- Unreadable   an answer that is not in the agreed format: a fault of one of the two programs
 */
export class SourceFailure extends Error {
  override readonly name: string = 'SourceFailure';
}

/** What in a module is the reason why it is refused. Functions are counted with the imported ones first. */
export type ModulePlace =
  | { readonly kind: 'import'; readonly module: string; readonly name: string }
  | { readonly kind: 'export'; readonly name: string }
  | { readonly kind: 'function'; readonly index: number };

export class Refused extends SourceFailure {
  override readonly name = 'Refused';
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null,
    /** Of a refused module, if its reason is something in it. */
    readonly place: ModulePlace | null = null,
  ) {
    super(message);
  }
}

export class Busy extends SourceFailure {
  override readonly name = 'Busy';
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export class Unreachable extends SourceFailure {
  override readonly name = 'Unreachable';
}

export class Unreadable extends SourceFailure {
  override readonly name = 'Unreadable';
}

const BUSY_STATUSES = new Set([408, 429, 502, 503, 504]);

/**
 * The failure a status and a body stand for.
 *
 * The query endpoint answers with a bare line, `Error 1146: Table 'game.bad' doesn't exist`; everything else with
 * JSON, `{"error":{"code":...,"message":...}}`. Whatever comes, no word of the server's message is lost.
 */
export function failureOf(status: number, body: string): SourceFailure {
  const { code, message, place } = wordsOf(status, body);
  if (BUSY_STATUSES.has(status)) return new Busy(message, status);
  return new Refused(message, status, code, place);
}

interface Words {
  readonly code: string | null;
  readonly message: string;
  readonly place: ModulePlace | null;
}

function wordsOf(status: number, body: string): Words {
  const text = body.trim();
  const line = /^Error (\d+):\s*([\s\S]+)$/.exec(text);
  if (line?.[1] !== undefined && line[2] !== undefined)
    return { code: line[1], message: line[2], place: null };
  if (text.startsWith('{')) {
    const error = errorIn(text);
    if (error !== null) return error;
  }
  return {
    code: null,
    message: text === '' ? `The server answered with status ${status} and no words.` : text,
    place: null,
  };
}

function errorIn(text: string): Words | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null) return null;
  const error: unknown = 'error' in body ? body.error : null;
  if (typeof error !== 'object' || error === null || !('message' in error)) return null;
  const code: unknown = 'code' in error ? error.code : null;
  const place = 'place' in error ? placeIn(error.place) : null;
  return {
    code: code === null || code === undefined ? null : String(code),
    message: String(error.message),
    place,
  };
}

function placeIn(said: unknown): ModulePlace | null {
  if (typeof said !== 'object' || said === null) return null;
  const { kind, module, name, index } = said as Record<string, unknown>;
  if (kind === 'function' && typeof index === 'number') return { kind, index };
  if (kind === 'export' && typeof name === 'string') return { kind, name };
  if (kind === 'import' && typeof module === 'string' && typeof name === 'string')
    return { kind, module, name };
  return null;
}
