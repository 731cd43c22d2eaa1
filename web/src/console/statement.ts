import type { Value } from '../source/answer';

/** A piece of SQL that is one token to a reader: only the question mark and what hides one matter here. */
const PIECES =
  /'(?:[^']|'')*('?)|"(?:[^"]|"")*("?)|`[^`]*(`?)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\$(\w*)\$[\s\S]*?\$\4\$|\?/g;

/** Where the arguments of a statement go: the places of its question marks, outside of texts and comments. */
export function holesIn(sql: string): number[] {
  return [...sql.matchAll(PIECES)].filter(([piece]) => piece === '?').map(({ index }) => index);
}

/** The statement with all that is a text, a quoted name or a comment replaced by spaces, so that places stay the same. */
export function withoutQuotes(sql: string): string {
  return sql.replace(PIECES, (piece) => (piece === '?' ? piece : ' '.repeat(piece.length)));
}

/** Where a text or a quoted name begins that never ends; null if none does. */
export function unclosedAt(sql: string): number | null {
  for (const { 0: piece, 1: text, 2: name, 3: tick, index } of sql.matchAll(PIECES)) {
    const end = text ?? name ?? tick;
    if (end === '' && /^['"`]/.test(piece)) return index;
  }
  return null;
}

/** What somebody typed as an argument: JSON where it is JSON, else the text itself. */
export function readArgument(typed: string): Value {
  try {
    return JSON.parse(typed) as Value;
  } catch {
    return typed;
  }
}

/** An argument as it is shown to be typed: texts without quotes, unless they would be read as something else. */
export function typedArgument(value: Value): string {
  return typeof value === 'string' && readArgument(value) === value ? value : JSON.stringify(value);
}

/** The list of arguments in a link or a field; null when it is no list. */
export function readArguments(text: string): Value[] | null {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? (list as Value[]) : null;
  } catch {
    return null;
  }
}
