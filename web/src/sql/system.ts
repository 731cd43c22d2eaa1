import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';

export interface Entity {
  readonly eid: number;
  readonly kind: 'ship' | 'node';
  /** Null on nodes. */
  readonly strategy: string | null;
  readonly x: number;
  readonly y: number;
  readonly energy: number;
  readonly shield: number;
  readonly blasters: number;
  readonly thrusters: number;
  readonly harvesters: number;
  /** A u64 as text: it does not survive the numbers of JSON. */
  readonly lastPlan: string;
  /** The decoded plan. Live it is asked for the selected ship only. */
  readonly plan: string | null;
}

export interface SystemEvent {
  readonly tid: number;
  readonly kind: string;
  readonly eid: number;
  readonly x: number;
  readonly y: number;
  readonly strategy: string | null;
  readonly byStrategy: string | null;
}

/** All of one system at the end of one turn. */
export interface SystemState {
  readonly turn: number | null;
  readonly entities: readonly Entity[];
  /** Of the last few turns, so that a late answer loses none; whoever draws them remembers which are drawn. */
  readonly events: readonly SystemEvent[];
}

// One statement, so that entities and events belong to the same turn. `null as event` marks the rows of entities.
const SYSTEM_SQL = `select null as event, 0::bigint as tid, eid, kind, strategy, x, y, energy, shield,
  blasters, thrusters, harvesters, last_plan::varchar as last_plan,
  case when kind = 1 and (eid = ? or ?) then decode_plan(last_plan) end as plan, null as by_strategy
from entity where sid = ?
union all by name
select kind as event, tid, eid, x, y, strategy, by_strategy
from event where sid = ? and tid > (select max(tid) from turns) - 3 and kind in ('spawn', 'battle', 'death', 'starve')`;

/** The question about the system in view; null on the map. */
export function systemQuestion(view: {
  readonly turn: number | null;
  readonly sid: number | null;
  readonly eid: number | null;
}): Question<SystemState> | null {
  const { turn, sid, eid } = view;
  if (sid === null) return null;
  // A past turn is asked about once, and may be given up before another ship is selected: so every plan is decoded.
  const decoded = turn === null ? [eid ?? -1, false] : [-1, true];
  return {
    about: `system ${sid}`,
    pace: 'turn',
    query: { sql: SYSTEM_SQL, args: [...decoded, sid, sid], turn },
    read: readSystem,
  };
}

function readSystem(answer: Answer): SystemState {
  const entities: Entity[] = [];
  const events: SystemEvent[] = [];
  readRows(answer, (row) => {
    const event = row.textOrNull('event');
    const place = {
      eid: row.number('eid'),
      strategy: row.textOrNull('strategy'),
      x: row.number('x'),
      y: row.number('y'),
    };
    if (event !== null) {
      events.push({
        ...place,
        tid: row.number('tid'),
        kind: event,
        byStrategy: row.textOrNull('by_strategy'),
      });
      return;
    }
    entities.push({
      ...place,
      kind: row.number('kind') === 1 ? 'ship' : 'node',
      energy: row.number('energy'),
      shield: row.number('shield'),
      blasters: row.number('blasters'),
      thrusters: row.number('thrusters'),
      harvesters: row.number('harvesters'),
      lastPlan: row.text('last_plan'),
      plan: row.textOrNull('plan'),
    });
  });
  return { turn: answer.turn, entities, events };
}
