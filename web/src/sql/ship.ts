import { type Answer, readRows } from '../source/answer';
import type { Query } from '../source/request';
import type { Question } from './question';
import type { Entity } from './system';

/** What a ship is called, and what it sees at the end of a turn. */
export interface Look {
  readonly eid: number;
  readonly name: string;
  /** How far it sees, in cells. */
  readonly reach: number;
  /** Whether it sees an entity of its system. */
  readonly sees: (entity: Pick<Entity, 'eid'>) => boolean;
}

/** Something that has happened to a ship. */
export interface LifeEvent {
  readonly tid: number;
  readonly kind: string;
  readonly x: number;
  readonly y: number;
  /** The strategy of the other side, or several. */
  readonly other: string | null;
  /** The name of the ship on the other side. */
  readonly name: string | null;
}

interface View {
  readonly turn: number | null;
  /** How fast past turns are played; null: not at all. While they are, only what changes with each turn is asked. */
  readonly play: number | null;
  readonly sid: number | null;
  readonly eid: number | null;
}

const LOOK_SQL = `select sight_reach() as reach, ship_name(eid) as name,
  (select string_agg(seen_eid, ' ') from visible where sid = ? and eid = ?) as seen
from entity where sid = ? and eid = ? and kind = 1`;

/** What the selected ship sees; null where none is selected. */
export function lookQuestion({ turn, sid, eid }: View): Question<Look | null> | null {
  if (sid === null || eid === null) return null;
  return {
    about: `look ${sid}/${eid}`,
    pace: 'turn',
    query: { sql: LOOK_SQL, args: [sid, eid, sid, eid], turn },
    read: (answer) => readLook(answer, eid),
  };
}

const LIFE_EVENTS = 12;
const LIFE_SQL = `with taken as (
  select tid, x, y, string_agg(distinct by_strategy, ' and ' order by by_strategy) as other, arg_max(by_eid, damage) as worst
  from hit where sid = ? and eid = ? group by tid, x, y
), given as (select tid, eid from hit where sid = ? and by_eid = ?)
select own.tid, own.kind, own.x, own.y, own.by_strategy as other,
  case when own.kind = 'death' then ship_name(taken.worst) end as name
from event as own left join taken using (tid)
where own.sid = ? and own.eid = ? and own.kind in ('spawn', 'death', 'starve', 'fault')
union all select tid, 'battle', x, y, other, null from taken
union all select fallen.tid, 'kill', x, y, strategy, ship_name(eid)
from event as fallen semi join given using (tid, eid) where sid = ? and kind = 'death'
order by 1 desc, 2 limit ${LIFE_EVENTS}`;
/** The query reads all events of a system: it is asked once in so many turns. */
const LIFE_TURNS = 3;

/** What has happened to the selected entity lately, the newest first. */
export function lifeQuestion({ turn, play, sid, eid }: View): Question<readonly LifeEvent[]> | null {
  if (sid === null || eid === null || play !== null) return null;
  return {
    about: `life ${sid}/${eid}`,
    pace: LIFE_TURNS,
    query: { sql: LIFE_SQL, args: [sid, eid, sid, eid, sid, eid, sid], turn },
    read: readLife,
  };
}

const HISTORY_SQL = `select tid, x, y, energy, shield from entity_turn
where sid = ? and eid = ? and kind = 1 order by tid`;

/**
 * How the selected ship was in the turns before. It is asked for once, when the ship is selected: what follows is known from the
 * answers about its system.
 */
export function historyQuestion({ turn, play, sid, eid }: View): Question<History> | null {
  if (sid === null || eid === null || play !== null) return null;
  return {
    about: `history ${sid}/${eid}`,
    pace: 'connection',
    query: { sql: HISTORY_SQL, args: [sid, eid], turn },
    read: (answer) => ({ eid, marks: readMarks(answer) }),
  };
}

/** What is known of a ship's past, the oldest turn first. */
export interface History {
  readonly eid: number;
  readonly marks: readonly Mark[];
}

/** Where a ship was at the end of a turn, and how it was. */
export interface Mark {
  readonly tid: number;
  readonly x: number;
  readonly y: number;
  readonly energy: number;
  readonly shield: number;
}

export type ShipPart = 'energy' | 'blasters' | 'thrusters' | 'harvesters';

/** How a ship was at the end of a turn. */
export type ShipMoment = { readonly tid: number } & Readonly<Record<ShipPart, number>>;

/** How a ship was at the end of one turn; `readMoment` reads it. */
export function momentQuery(sid: number, eid: number, turn: number): Query {
  const sql = `select energy, blasters, thrusters, harvesters from entity
where sid = ? and eid = ? and kind = 1`;
  return { sql, args: [sid, eid], turn };
}

/** Null where there was no such ship. */
export function readMoment(answer: Answer, tid: number): ShipMoment | null {
  const [moment] = readRows(answer, (row) => ({
    tid,
    energy: row.number('energy'),
    blasters: row.number('blasters'),
    thrusters: row.number('thrusters'),
    harvesters: row.number('harvesters'),
  }));
  return moment ?? null;
}

function readMarks(answer: Answer): Mark[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    x: row.number('x'),
    y: row.number('y'),
    energy: row.number('energy'),
    shield: row.number('shield'),
  }));
}

function readLook(answer: Answer, eid: number): Look | null {
  const [look] = readRows(answer, (row) => {
    const seen = new Set((row.textOrNull('seen') ?? '').split(' ').map(Number));
    return {
      eid,
      name: row.text('name'),
      reach: row.number('reach'),
      sees: (entity: Pick<Entity, 'eid'>) => seen.has(entity.eid),
    };
  });
  return look ?? null;
}

function readLife(answer: Answer): LifeEvent[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    kind: row.text('kind'),
    x: row.number('x'),
    y: row.number('y'),
    other: row.textOrNull('other'),
    name: row.textOrNull('name'),
  }));
}
