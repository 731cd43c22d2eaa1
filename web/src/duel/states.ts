import type { Entity, SystemEvent, SystemState } from '../sql/system';
import { EVENT_FIELDS, EVENTS, type TurnRecord } from './game';

/** One system of a duel's turn, as the system view has it from SQL. */
export function stateOf(turn: TurnRecord, sid: number, names: readonly string[]): SystemState {
  return {
    turn: turn.tid,
    entities: [...shipsOf(turn, sid, names), ...nodesOf(turn, sid)],
    events: eventsOf(turn, sid, names),
  };
}

function* rowsOf(sids: Uint32Array, sid: number): Generator<number> {
  for (let row = sids.indexOf(sid); row >= 0 && sids[row] === sid; row++) yield row;
}

function shipsOf({ ships }: TurnRecord, sid: number, names: readonly string[]): Entity[] {
  return [...rowsOf(ships.sid, sid)].map((row) => ({
    eid: ships.eid[row] ?? 0,
    kind: 'ship',
    strategy: names[ships.slot[row] ?? -1] ?? null,
    x: ships.x[row] ?? 0,
    y: ships.y[row] ?? 0,
    energy: ships.energy[row] ?? 0,
    shield: ships.shield[row] ?? 0,
    blasters: ships.blasters[row] ?? 0,
    thrusters: ships.thrusters[row] ?? 0,
    harvesters: ships.harvesters[row] ?? 0,
    lastPlan: String(ships.lastPlan[row] ?? 0n),
    plan: null,
  }));
}

function nodesOf({ nodes }: TurnRecord, sid: number): Entity[] {
  return [...rowsOf(nodes.sid, sid)].map((row) => ({
    eid: nodes.eid[row] ?? 0,
    kind: 'node',
    strategy: null,
    x: nodes.x[row] ?? 0,
    y: nodes.y[row] ?? 0,
    energy: nodes.energy[row] ?? 0,
    shield: 0,
    blasters: 0,
    thrusters: 0,
    harvesters: 0,
    lastPlan: '0',
    plan: null,
  }));
}

function eventsOf({ events, tid }: TurnRecord, sid: number, names: readonly string[]): SystemEvent[] {
  const found: SystemEvent[] = [];
  for (let at = 0; at < events.length; at += EVENT_FIELDS) {
    const [where, eid, kind, x, y, slot, by] = events.subarray(at, at + EVENT_FIELDS) as unknown as [
      number, number, number, number, number, number, number,
    ]; // biome-ignore format: one line
    if (where !== sid) continue;
    found.push({
      tid,
      kind: EVENTS[kind] ?? '',
      eid,
      x,
      y,
      strategy: names[slot] ?? null,
      byStrategy: names[by] ?? null,
    });
  }
  return found;
}
