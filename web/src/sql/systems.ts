import { type Answer, readRows } from '../source/answer';
import type { Query } from '../source/request';

export interface SystemPlace {
  readonly sid: number;
  readonly x: number;
  readonly y: number;
}

/** What makes a star bright: who leads the system, and how strong its ships are. */
export interface SystemSummary {
  readonly sid: number;
  readonly ships: number;
  readonly energy: number;
  readonly leader: string;
  readonly leaderShips: number;
}

/** What happened in a system in the newest turn. */
export interface SystemNews {
  readonly tid: number;
  readonly sid: number;
  readonly battles: number;
  readonly deaths: number;
}

export const PLACES_QUERY: Query = { sql: 'select sid, x, y from solar_system order by sid', args: [] };

// `max_by` over (ships, name) settles ties by name, so that an even system does not change its colour at every answer.
export const SUMMARY_QUERY: Query = {
  sql: `select sid, sum(ships)::bigint as ships, sum(energy)::bigint as energy,
  max_by(strategy, {'ships': ships, 'strategy': strategy}) as leader, max(ships) as leader_ships
from (select sid, strategy, count(*) as ships, sum(energy) as energy from entity where kind = 1 group by sid, strategy)
group by sid`,
  args: [],
};

/** A large universe has thousands of battles a turn; the eye is served by some hundred flashes. */
const NEWS_MAX = 300;

export const NEWS_QUERY: Query = {
  sql: `select tid, sid, count(*) filter (where kind = 'battle') as battles,
  count(*) filter (where kind = 'death') as deaths
from event where tid = (select max(tid) from turns) and kind in ('battle', 'death')
group by tid, sid order by deaths desc, battles desc, hash(sid, tid) limit ${NEWS_MAX}`,
  args: [],
};

export function readPlaces(answer: Answer): SystemPlace[] {
  return readRows(answer, (row) => ({ sid: row.number('sid'), x: row.number('x'), y: row.number('y') }));
}

export function readSummaries(answer: Answer): SystemSummary[] {
  return readRows(answer, (row) => ({
    sid: row.number('sid'),
    ships: row.number('ships'),
    energy: row.number('energy'),
    leader: row.text('leader'),
    leaderShips: row.number('leader_ships'),
  }));
}

export function readNews(answer: Answer): SystemNews[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    sid: row.number('sid'),
    battles: row.number('battles'),
    deaths: row.number('deaths'),
  }));
}
