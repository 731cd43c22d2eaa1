import { unclosedAt, withoutQuotes } from './statement';

/** The part of a statement that an error is about, in UTF-16 units. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What the server's texts name, and whether it is a function's name, a text or any other word. The first that fits counts. */
const NAMED: readonly (readonly ['word' | 'call' | 'text', RegExp])[] = [
  ['word', /Unknown column '(.+?)' in /],
  ['word', /Table 'game\.(.+?)' doesn't exist/],
  ['word', /Table '(?:[^']*\.)?([^'.]+)' doesn't exist/],
  ['call', /FUNCTION (?:game\.)?(\w+) (?:does not exist|failed)/],
  ['call', /Function '(\w+)' is denied/],
  ['call', /function call "(\w+)\(/],
  ['word', /column "(.+?)" must appear in the GROUP BY/],
  ['word', /Ambiguous reference to column name "(.+?)"/],
  ['word', /Type (?:with name )?'?(\w+)'? (?:does not exist|is denied)/],
  ['text', /Could not convert string '(.*?)' to /],
];

/**
 * Where in its statement an error is: the server names a line and the token there, or a column, relation or function. Null
 * where it names nothing that can be found.
 */
export function placeOf(message: string, sql: string): Span | null {
  if (/unterminated/.test(message)) {
    const from = unclosedAt(sql);
    if (from !== null) return { from, to: sql.length };
  }
  const line = lineSpan(sql, message);
  const token = /at or near "([\s\S]+?)"(?: in line|$)/.exec(message)?.[1];
  if (token !== undefined) {
    const found = lastIn(sql, token, line ?? { from: 0, to: sql.length });
    if (found !== null) return found;
  }
  if (line !== null) return line;
  for (const [kind, pattern] of NAMED) {
    const name = pattern.exec(message)?.[1];
    const found = name === undefined ? null : find(sql, name, kind);
    if (found !== null) return found;
  }
  return null;
}

/** The line that is named, without the spaces around what is in it. */
function lineSpan(sql: string, message: string): Span | null {
  const number = Number(/ in line (\d+), near '/.exec(message)?.[1] ?? Number.NaN);
  const lines = sql.split('\n');
  const line = lines[number - 1];
  if (line === undefined) return null;
  const start = lines.slice(0, number - 1).reduce((length, each) => length + each.length + 1, 0);
  const from = start + line.length - line.trimStart().length;
  return { from, to: Math.max(from, start + line.trimEnd().length) };
}

/** A parser fails at the end of what it has understood, so of several the last one. */
function lastIn(sql: string, token: string, { from, to }: Span): Span | null {
  const at = sql.slice(from, to).toLowerCase().lastIndexOf(token.toLowerCase());
  return at < 0 ? null : { from: from + at, to: from + at + token.length };
}

function find(sql: string, name: string, kind: 'word' | 'call' | 'text'): Span | null {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = {
    word: `(?<![\\w$])${escaped}(?![\\w$])`,
    call: `(?<![\\w$])${escaped}(?=\\s*\\()`,
    text: `'${escaped}'`,
  }[kind];
  const searched = kind === 'text' ? sql : withoutQuotes(sql);
  const quoted = kind === 'word' ? new RegExp(`["\`]${escaped}["\`]`, 'i').exec(sql) : null;
  const match = new RegExp(pattern, 'i').exec(searched) ?? quoted;
  return match === null ? null : { from: match.index, to: match.index + match[0].length };
}
