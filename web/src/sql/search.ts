import { type Answer, readRows, type Value } from '../source/answer';
import type { Query } from '../source/request';

/** What a search has found, with what is needed to go there. */
export type Found =
  | { readonly kind: 'system'; readonly sid: number; readonly battles: number | null }
  | {
      readonly kind: 'ship';
      readonly sid: number;
      readonly eid: number;
      readonly strategy: string | null;
      readonly energy: number;
      readonly blasters: number;
    }
  /** A ship that is known by its name, alive or fallen. */
  | {
      readonly kind: 'hero';
      readonly sid: number;
      readonly eid: number;
      readonly strategy: string;
      readonly name: string;
      readonly rank: string;
      /** Null of the living. */
      readonly diedTid: number | null;
      /** Whether the turn in which it fell can be shown. */
      readonly isFallKept: boolean;
    }
  | { readonly kind: 'strategy'; readonly strategy: string; readonly status: string };

const FOUND_MAX = 8;
const BATTLE_TURNS = 10;

const SHIP = "'ship' as kind, sid, eid, strategy, energy, blasters, null::varchar as status";
const ships = (order: string): string =>
  `select ${SHIP} from entity where kind = 1 order by ${order}, eid limit ${FOUND_MAX}`;

/** What can be wished for in words. `random` gets a number: with another one it finds others. */
export const WISHES: Readonly<Record<string, { readonly says: string; readonly sql: string }>> = {
  'biggest battle': {
    says: `where most hits were dealt in the last ${BATTLE_TURNS} turns`,
    sql: `select 'system' as kind, sid, null::bigint as eid, null::varchar as strategy, null::bigint as energy,
  count(*) as blasters, null::varchar as status
from event where kind = 'battle' and tid > (select max(tid) from turns) - ${BATTLE_TURNS}
group by sid order by blasters desc, sid limit ${FOUND_MAX}`,
  },
  strongest: { says: 'ships with most blasters, then most energy', sql: ships('blasters desc, energy desc') },
  richest: { says: 'ships with most energy', sql: ships('energy desc') },
  // Numbers are given in the order of birth.
  oldest: { says: 'ships that have lived longest', sql: ships('eid') },
  random: { says: 'ships at random', sql: ships('hash(eid, ?::bigint)') },
};

/** The wishes that begin as what was typed does; all of them where nothing was. */
export function wishesFor(text: string): string[] {
  const said = text.trim().toLowerCase();
  return Object.keys(WISHES).filter((wish) => wish.startsWith(said));
}

/**
 * The query for what somebody typed: a number of a system or of a ship, a wish, or a part of a strategy's or a hero's name.
 * `chance` is any whole number.
 */
export function searchQuery(text: string, turn: number | null, chance: number): Query {
  const said = text.trim();
  const wish = WISHES[said.toLowerCase()];
  if (wish !== undefined) return { sql: wish.sql, args: wish.sql.includes('?') ? [chance] : [], turn };
  const number = /^\d{1,15}$/.test(said) ? Number(said) : null;
  const args: Value[] = number === null ? [said, said] : [number, number, number];
  return { sql: number === null ? NAME_SQL : NUMBER_SQL, args, turn };
}

const heroes = (where: string): string =>
  `select 'hero' as kind, sid, eid, strategy, name, rank, died_tid,
  coalesce(died_tid >= (select oldest_tid from turn_kept), false) as is_fall_kept
from hero where ${where} order by is_alive desc, energy_max desc, eid limit ${FOUND_MAX}`;

const NUMBER_SQL = `select 'system' as kind, sid, null::bigint as eid, null::varchar as strategy, null::bigint as energy,
  null::bigint as blasters, null::varchar as status
from solar_system where sid = ?
union all by name select ${SHIP} from entity where kind = 1 and eid = ?
union all by name (${heroes('not is_alive and eid = ?')})
order by kind desc`;

const NAME_SQL = `(select 'strategy' as kind, null::bigint as sid, null::bigint as eid, name as strategy, null::bigint as energy,
  null::bigint as blasters, status
from strategy where contains(lower(name), lower(?)) order by name limit ${FOUND_MAX})
union all by name (${heroes('contains(lower(name), lower(?))')})`;

export function readFound(answer: Answer): Found[] {
  return readRows(answer, (row): Found => {
    const kind = row.text('kind');
    if (kind === 'system') return { kind, sid: row.number('sid'), battles: row.numberOrNull('blasters') };
    if (kind === 'strategy') return { kind, strategy: row.text('strategy'), status: row.text('status') };
    if (kind === 'hero')
      return {
        kind,
        sid: row.number('sid'),
        eid: row.number('eid'),
        strategy: row.text('strategy'),
        name: row.text('name'),
        rank: row.text('rank'),
        diedTid: row.numberOrNull('died_tid'),
        isFallKept: row.boolean('is_fall_kept'),
      };
    return {
      kind: 'ship',
      sid: row.number('sid'),
      eid: row.number('eid'),
      strategy: row.textOrNull('strategy'),
      energy: row.number('energy'),
      blasters: row.number('blasters'),
    };
  });
}
