import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';

/** A ship that is known by its name, alive or fallen. */
export interface Hero {
  readonly eid: number;
  readonly name: string;
  /** Where it is, or fell. */
  readonly sid: number;
  /** Its cell; null for the fallen. */
  readonly x: number | null;
  readonly y: number | null;
  readonly strategy: string;
  readonly rank: string;
  readonly bornTid: number;
  /** In turns. */
  readonly age: number;
  readonly kills: number;
  /** What it has now; of the fallen, the most it ever had. */
  readonly energy: number;
  readonly diedTid: number | null;
  readonly obituary: string | null;
}

/** Ranks change slowly: they are asked for once in so many turns. */
const HEROES_TURNS = 3;
const HEROES_MAX = 400;

/** The living and the hall of fame; who holds most energy first. */
export const HEROES: Question<readonly Hero[]> = {
  about: 'heroes',
  pace: HEROES_TURNS,
  query: {
    sql: `select eid, name, sid, x, y, strategy, rank, born_tid, age, kills,
  case when is_alive then energy else energy_max end as energy, died_tid, obituary
from hero order by is_alive desc, energy_max desc, eid limit ${HEROES_MAX}`,
    args: [],
    turn: null,
  },
  read: readHeroes,
};

function readHeroes(answer: Answer): Hero[] {
  return readRows(answer, (row) => ({
    eid: row.number('eid'),
    name: row.text('name'),
    sid: row.number('sid'),
    x: row.numberOrNull('x'),
    y: row.numberOrNull('y'),
    strategy: row.text('strategy'),
    rank: row.text('rank'),
    bornTid: row.number('born_tid'),
    age: row.number('age'),
    kills: row.number('kills'),
    energy: row.number('energy'),
    diedTid: row.numberOrNull('died_tid'),
    obituary: row.textOrNull('obituary'),
  }));
}
