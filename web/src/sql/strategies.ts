import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';

export interface Strategy {
  readonly name: string;
  readonly version: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly language: string | null;
  readonly author: string | null;
  readonly isEnabled: boolean;
  readonly status: string;
  readonly lastFault: string | null;
}

/** By which number each strategy has its look. */
export const NUMBERS: Question<readonly { readonly name: string; readonly number: number }[]> = {
  about: 'numbers',
  pace: 'turn',
  query: { sql: 'select name, number from strategy order by number', args: [], turn: null },
  read: (answer) => readRows(answer, (row) => ({ name: row.text('name'), number: row.number('number') })),
};

export const STRATEGIES: Question<readonly Strategy[]> = {
  about: 'strategies',
  pace: 'turn',
  query: {
    sql: `select name, version, sha256, bytes, language, author, is_enabled, status, last_fault::varchar as last_fault
from strategy order by name`,
    args: [],
    turn: null,
  },
  read: readStrategies,
};

function readStrategies(answer: Answer): Strategy[] {
  return readRows(answer, (row) => ({
    name: row.text('name'),
    version: row.number('version'),
    sha256: row.text('sha256'),
    bytes: row.number('bytes'),
    language: row.textOrNull('language'),
    author: row.textOrNull('author'),
    isEnabled: row.boolean('is_enabled'),
    status: row.text('status'),
    lastFault: row.textOrNull('last_fault'),
  }));
}
