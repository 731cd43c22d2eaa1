import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';
import { MAP_SIDE } from './space';

export interface SystemPlace {
  readonly sid: number;
  readonly x: number;
  readonly y: number;
}

/** What makes a star bright: who has most energy in the system, and how strong its ships are. */
export interface SystemSummary {
  readonly sid: number;
  readonly ships: number;
  readonly energy: number;
  readonly leader: string;
  readonly leaderEnergy: number;
}

/** What happened in the newest turn in one system or, where very many fight, in some that are near each other. */
export interface SystemNews {
  readonly tid: number;
  /** One of the systems. */
  readonly sid: number;
  /** The middle of the systems, in cells of the map. */
  readonly x: number;
  readonly y: number;
  readonly battles: number;
  readonly deaths: number;
  readonly systems: number;
}

export const PLACES: Question<readonly SystemPlace[]> = {
  about: 'places',
  pace: 'connection',
  query: { sql: 'select sid, x, y from solar_system order by sid', args: [], turn: null },
  read: readPlaces,
};

/** Who leads changes slowly, and the query behind it reads every ship: it is asked once in so many turns. */
export const SUMMARY_TURNS = 6;

/**
 * Of fleets: the ships and the energy of each strategy in each system. `max_by` over (energy, name) settles ties by name,
 * so that an even system does not change its colour at every answer.
 */
export const SUMMARY_COLUMNS = `sid, sum(ships)::bigint as ships, sum(energy)::bigint as energy,
  max_by(strategy, {'energy': energy, 'strategy': strategy}) as leader, max(energy)::bigint as leader_energy`;

export const SUMMARIES: Question<readonly SystemSummary[]> = {
  about: 'summaries',
  pace: SUMMARY_TURNS,
  query: {
    sql: `select ${SUMMARY_COLUMNS}
from (select sid, strategy, count(*) as ships, sum(energy) as energy from entity where kind = 1 group by sid, strategy)
group by sid`,
    args: [],
    turn: null,
  },
  read: readSummaries,
};

/** Up to so many systems with battles are told one by one; beyond that, those in squares of so many cells together. */
const NEWS_MAX = 4000;
const NEWS_CELLS = 4;

export const NEWS: Question<readonly SystemNews[]> = {
  about: 'news',
  pace: 'turn',
  query: {
    sql: `with fights as (select tid, sid, count(*) filter (where kind = 'battle') as battles,
    count(*) filter (where kind = 'death') as deaths
  from event where tid = (select max(tid) from turns) and kind in ('battle', 'death') group by tid, sid)
select tid, min(sid) as sid, avg(x) + 0.5 as x, avg(y) + 0.5 as y, sum(battles)::bigint as battles,
  sum(deaths)::bigint as deaths, count(*) as systems
from fights join solar_system using (sid)
group by tid, case when (select count(*) from fights) <= ${NEWS_MAX} then sid
  else (y::integer // ${NEWS_CELLS}) * ${MAP_SIDE} + x // ${NEWS_CELLS} end`,
    args: [],
    turn: null,
  },
  read: readNews,
};

function readPlaces(answer: Answer): SystemPlace[] {
  return readRows(answer, (row) => ({ sid: row.number('sid'), x: row.number('x'), y: row.number('y') }));
}

function readSummaries(answer: Answer): SystemSummary[] {
  return readRows(answer, (row) => ({
    sid: row.number('sid'),
    ships: row.number('ships'),
    energy: row.number('energy'),
    leader: row.text('leader'),
    leaderEnergy: row.number('leader_energy'),
  }));
}

function readNews(answer: Answer): SystemNews[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    sid: row.number('sid'),
    x: row.number('x'),
    y: row.number('y'),
    battles: row.number('battles'),
    deaths: row.number('deaths'),
    systems: row.number('systems'),
  }));
}
