import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';

/** One line of the leaderboard: the newest turn's fleet, and what it did in the last minute of turns. */
export interface Standing {
  readonly strategy: string;
  readonly ships: number;
  readonly energy: number;
  readonly kills: number;
  readonly faults: number;
}

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

export const STANDINGS: Question<readonly Standing[]> = {
  about: 'standings',
  pace: 'turn',
  query: {
    sql: `select strategy, max_by(ships, tid) as ships, max_by(energy, tid)::bigint as energy,
  sum(kills)::bigint as kills, sum(faults)::bigint as faults
from strategy_turn where tid > (select max(tid) from turns) - 60
group by strategy having max_by(ships, tid) > 0 order by energy desc, ships desc, strategy`,
    args: [],
    turn: null,
  },
  read: readStandings,
};

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

function readStandings(answer: Answer): Standing[] {
  return readRows(answer, (row) => ({
    strategy: row.text('strategy'),
    ships: row.number('ships'),
    energy: row.number('energy'),
    kills: row.number('kills'),
    faults: row.number('faults'),
  }));
}

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
