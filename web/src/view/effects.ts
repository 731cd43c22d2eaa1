import type { Entity, SystemEvent, SystemState } from '../sql/system';
import { indexed } from './motion';

/** Something to be seen once, in a cell of a system. */
export type Effect =
  | {
      readonly kind: 'spawn';
      readonly eid: number;
      readonly x: number;
      readonly y: number;
      readonly strategy: string | null;
    }
  | {
      readonly kind: 'battle';
      readonly x: number;
      readonly y: number;
      readonly fighters: readonly Fighter[];
    }
  | {
      readonly kind: 'death';
      readonly eid: number;
      readonly x: number;
      readonly y: number;
      readonly strategy: string | null;
    }
  | { readonly kind: 'starve'; readonly eid: number; readonly x: number; readonly y: number }
  | {
      readonly kind: 'harvest';
      readonly eid: number;
      readonly node: number;
      readonly x: number;
      readonly y: number;
    };

export interface Fighter {
  readonly eid: number;
  readonly strategy: string | null;
  /** As they were known last; 0 of a ship that was never seen alive. */
  readonly blasters: number;
}

/**
 * What to show when `next` follows `previous`. Nothing is told twice: events up to `drawnTid` were shown before.
 * Without a `previous` state the page has just arrived, and only the newest turn's events are news.
 */
export function effectsOf(previous: SystemState | null, next: SystemState, drawnTid: number): Effect[] {
  const newest = next.events.reduce((max, event) => Math.max(max, event.tid), 0);
  const since = previous === null ? Math.max(drawnTid, newest - 1) : drawnTid;
  const news = next.events.filter((event) => event.tid > since);
  return [...battlesOf(news, previous, next), ...news.flatMap(effectOf), ...harvestsOf(previous, next)];
}

export function newestTid(state: SystemState, drawnTid: number): number {
  return state.events.reduce((max, event) => Math.max(max, event.tid), drawnTid);
}

/** The ships that a turn's battles ended, as they were before, in the cells where they fell. */
export function fallenOf(previous: SystemState | null, next: SystemState, drawnTid: number): Entity[] {
  const before = indexed(previous);
  return next.events.flatMap(({ tid, kind, eid, x, y }) => {
    const ship = kind === 'death' && tid > drawnTid ? before.get(eid) : undefined;
    return ship?.kind === 'ship' ? [{ ...ship, x, y }] : [];
  });
}

/** One battle per cell and turn, whoever fights in it. */
function battlesOf(
  events: readonly SystemEvent[],
  previous: SystemState | null,
  next: SystemState,
): Effect[] {
  const before = indexed(previous);
  const after = indexed(next);
  const battles = new Map<string, { x: number; y: number; fighters: Fighter[] }>();
  for (const event of events) {
    if (event.kind !== 'battle') continue;
    const cell = `${event.tid}/${event.x}/${event.y}`;
    const battle = battles.get(cell) ?? { x: event.x, y: event.y, fighters: [] };
    const { eid, strategy } = event;
    // Who fell is a node now, and has none.
    const blasters = Math.max(before.get(eid)?.blasters ?? 0, after.get(eid)?.blasters ?? 0);
    battle.fighters.push({ eid, strategy, blasters });
    battles.set(cell, battle);
  }
  return [...battles.values()].map((battle) => ({ kind: 'battle', ...battle }));
}

function effectOf(event: SystemEvent): Effect[] {
  const { eid, x, y, strategy } = event;
  switch (event.kind) {
    case 'spawn':
      return [{ kind: 'spawn', eid, x, y, strategy }];
    case 'death':
      return [{ kind: 'death', eid, x, y, strategy }];
    case 'starve':
      return [{ kind: 'starve', eid, x, y }];
    default:
      return [];
  }
}

/** A node that lost energy, or went out, where a ship is: the ship took it. */
function harvestsOf(previous: SystemState | null, next: SystemState): Effect[] {
  if (previous === null) return [];
  const now = indexed(next);
  const ships = new Map<number, Entity>();
  for (const entity of next.entities)
    if (entity.kind === 'ship') ships.set(entity.y * 256 + entity.x, entity);
  const harvests: Effect[] = [];
  for (const node of previous.entities) {
    if (node.kind !== 'node' || (now.get(node.eid)?.energy ?? 0) >= node.energy) continue;
    const ship = ships.get(node.y * 256 + node.x);
    if (ship !== undefined)
      harvests.push({ kind: 'harvest', eid: ship.eid, node: node.eid, x: node.x, y: node.y });
  }
  return harvests;
}
