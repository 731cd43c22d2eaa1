import { Refused, Unreadable } from './failure';

/** What JSON can carry in one cell of a result. A u64 arrives as text: the SQL casts it. */
export type Value = string | number | boolean | null | object;

export interface Column {
  readonly name: string;
  readonly dataType: string;
}

/** One result set; every row of it belongs to the turn named. */
export interface Answer {
  readonly turn: number | null;
  /** The limit of the server at which the rows were cut, `rows` or `bytes`; null when all are there. */
  readonly cut: string | null;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Value[])[];
}

/** Reads the body of `/query/tuples`; turn and cut come from the headers `Wasmverse-Turn` and `Wasmverse-Truncated`. */
export function readAnswer(body: unknown, turnHeader: string | null, cut: string | null): Answer {
  if (!isRecord(body) || !Array.isArray(body.results)) throw new Unreadable('the answer holds no `results`');
  if (isRecord(body.error)) {
    // The rows had begun when it went wrong: the status was 200 by then, so the error travels in the body.
    throw new Refused(String(body.error.message), 200, String(body.error.code));
  }
  const result: unknown = body.results[0];
  if (!isRecord(result) || !Array.isArray(result.columns) || !Array.isArray(result.rows)) {
    throw new Unreadable('the answer holds no columns and rows');
  }
  const turn = turnHeader === null ? Number.NaN : Number(turnHeader);
  return {
    turn: Number.isSafeInteger(turn) ? turn : null,
    cut,
    columns: result.columns.map(readColumn),
    rows: result.rows as Value[][],
  };
}

function readColumn(column: unknown): Column {
  if (!isRecord(column) || typeof column.name !== 'string') throw new Unreadable('a column has no name');
  return { name: column.name, dataType: typeof column.dataType === 'string' ? column.dataType : '' };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One row read by column name. A column that is missing or of another type is an `Unreadable` answer. */
export class Row {
  constructor(
    private readonly places: ReadonlyMap<string, number>,
    private readonly values: readonly Value[],
  ) {}

  number(name: string): number {
    const value = this.value(name);
    if (typeof value !== 'number')
      throw new Unreadable(`column ${name} holds ${JSON.stringify(value)}, not a number`);
    return value;
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value !== 'string')
      throw new Unreadable(`column ${name} holds ${JSON.stringify(value)}, not text`);
    return value;
  }

  /** On the wire a boolean is 0 or 1. */
  boolean(name: string): boolean {
    const value = this.value(name);
    if (value !== 0 && value !== 1)
      throw new Unreadable(`column ${name} holds ${JSON.stringify(value)}, not 0 or 1`);
    return value === 1;
  }

  numberOrNull(name: string): number | null {
    return this.value(name) === null ? null : this.number(name);
  }

  textOrNull(name: string): string | null {
    return this.value(name) === null ? null : this.text(name);
  }

  private value(name: string): Value {
    const value = this.values[this.places.get(name) ?? -1];
    if (value === undefined) throw new Unreadable(`the answer has no column ${name}`);
    return value;
  }
}

/** Every row of an answer through `read`. */
export function readRows<T>(answer: Answer, read: (row: Row) => T): T[] {
  const places = new Map(answer.columns.map((column, place) => [column.name, place]));
  return answer.rows.map((values) => read(new Row(places, values)));
}
