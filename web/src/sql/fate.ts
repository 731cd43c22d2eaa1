import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';
import { STANDING_ORDER, STANDING_TURNS } from './standings';

/** How one strategy fares. */
export interface Fate {
  readonly version: number;
  readonly status: string;
  readonly lastFault: string | null;
  readonly ships: number;
  readonly energy: number;
  /** Its place among strategies that have ships, as on the leaderboard; null without ships. */
  readonly rank: number | null;
  /** Its faults, kills and losses in the last `STANDING_TURNS` turns. */
  readonly faults: number;
  readonly kills: number;
  readonly deaths: number;
  /** Fuel a ship in the newest turn; null without ships. */
  readonly fuelPerShip: number | null;
  /** The ship that was born last in the turns that events are kept of; null if none was. */
  readonly birth: { readonly tid: number; readonly sid: number; readonly eid: number } | null;
  /** The newest lines that it printed. */
  readonly log: readonly string[];
}

const FATE_SQL = `with last as (select max(tid) as tid from turns),
now as (select strategy, ships, energy, row_number() over (order by ${STANDING_ORDER}) as place, fuel from strategy_turn
  where tid = (select tid from last) and ships > 0),
lately as (select sum(faults) as faults, sum(kills) as kills, sum(deaths) as deaths from strategy_turn
  where strategy = ? and tid > (select tid from last) - ${STANDING_TURNS}),
birth as (select max_by({'tid': tid, 'sid': sid, 'eid': eid}, (tid, -eid)) as born from event
  where kind = 'spawn' and strategy = ?)
select s.version, s.status, s.last_fault::varchar as last_fault, coalesce(now.ships, 0)::bigint as ships,
  coalesce(now.energy, 0)::bigint as energy, now.place::bigint as place, coalesce(lately.faults, 0)::bigint as faults,
  (now.fuel / now.ships)::bigint as fuel_per_ship, coalesce(lately.kills, 0)::bigint as kills, coalesce(lately.deaths, 0)::bigint as deaths,
  born.tid as born_tid, born.sid as born_sid, born.eid as born_eid,
  (select to_json(list(tid || ': ' || line order by tid desc)[:20])::varchar from strategy_log where strategy = ?) as log
from strategy s left join now on now.strategy = s.name cross join lately cross join birth
where s.name = ?`;

export function fateOf(name: string): Question<Fate | null> {
  return {
    about: `fate of ${name}`,
    pace: 'turn',
    query: { sql: FATE_SQL, args: [name, name, name, name], turn: null },
    read: readFate,
  };
}

function readFate(answer: Answer): Fate | null {
  const fates = readRows(answer, (row): Fate => {
    const [tid, sid, eid] = [
      row.numberOrNull('born_tid'),
      row.numberOrNull('born_sid'),
      row.numberOrNull('born_eid'),
    ];
    return {
      version: row.number('version'),
      status: row.text('status'),
      lastFault: row.textOrNull('last_fault'),
      ships: row.number('ships'),
      energy: row.number('energy'),
      rank: row.numberOrNull('place'),
      faults: row.number('faults'),
      fuelPerShip: row.numberOrNull('fuel_per_ship'),
      kills: row.number('kills'),
      deaths: row.number('deaths'),
      birth: tid === null || sid === null || eid === null ? null : { tid, sid, eid },
      log: JSON.parse(row.textOrNull('log') ?? '[]') as string[],
    };
  });
  return fates[0] ?? null;
}
