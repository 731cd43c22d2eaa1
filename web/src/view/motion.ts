import type { Entity, SystemState } from '../sql/system';

export interface Pose {
  readonly x: number;
  readonly y: number;
  /** Radians; 0 looks along x, to the east. */
  readonly heading: number;
  /** How fast, 0..1: the length of the flame. */
  readonly speed: number;
}

/** The way of one entity through one turn, in cells; cell (x, y) is drawn around (x + 0.5, y + 0.5). */
export interface Leg {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
  readonly fromHeading: number;
  readonly toHeading: number;
}

/** Ships arrive before the turn is over, so that the battle at the end of the way has its moment. */
export const TRAVEL_SHARE = 0.82;
const TURN_SHARE = 0.3;
/** Ships that share a cell are drawn on a small circle in it. */
const FORMATION_RADIUS = 0.3;
const NORTH = -Math.PI / 2;

export function legTo(target: { x: number; y: number }, from: Pose | null): Leg {
  if (from === null) {
    return {
      fromX: target.x,
      fromY: target.y,
      toX: target.x,
      toY: target.y,
      fromHeading: NORTH,
      toHeading: NORTH,
    };
  }
  const dx = target.x - from.x;
  const dy = target.y - from.y;
  // Below half a cell it is a change of formation, not of course.
  const toHeading = Math.hypot(dx, dy) < 0.5 ? from.heading : Math.atan2(dy, dx);
  return { fromX: from.x, fromY: from.y, toX: target.x, toY: target.y, fromHeading: from.heading, toHeading };
}

/** The pose at share 0..1 of the turn. */
export function poseOn(leg: Leg, share: number): Pose {
  const t = Math.min(Math.max(share / TRAVEL_SHARE, 0), 1);
  // Smoothstep and its derivative: starts and ends at rest, the flame is longest in the middle of the way.
  const way = t * t * (3 - 2 * t);
  const distance = Math.hypot(leg.toX - leg.fromX, leg.toY - leg.fromY);
  return {
    x: leg.fromX + (leg.toX - leg.fromX) * way,
    y: leg.fromY + (leg.toY - leg.fromY) * way,
    heading: turned(leg.fromHeading, leg.toHeading, Math.min(Math.max(share / TURN_SHARE, 0), 1)),
    speed: 4 * t * (1 - t) * Math.min(distance / 3, 1),
  };
}

/** The shorter way round. */
export function turned(from: number, to: number, share: number): number {
  const whole = Math.PI * 2;
  const difference = ((((to - from + Math.PI) % whole) + whole) % whole) - Math.PI;
  return from + difference * share;
}

/** Where each entity is drawn: the middle of its cell, or its place in the formation of the ships that share it. */
export function places(entities: readonly Entity[]): Map<number, { x: number; y: number }> {
  const crews = new Map<number, Entity[]>();
  for (const entity of entities) {
    if (entity.kind !== 'ship') continue;
    const cell = entity.y * 256 + entity.x;
    const crew = crews.get(cell);
    if (crew === undefined) crews.set(cell, [entity]);
    else crew.push(entity);
  }
  const found = new Map<number, { x: number; y: number }>();
  for (const entity of entities) {
    const crew = entity.kind === 'ship' ? crews.get(entity.y * 256 + entity.x) : undefined;
    let { x, y } = entity;
    x += 0.5;
    y += 0.5;
    if (crew !== undefined && crew.length > 1) {
      // By eid, so that the formation holds from turn to turn.
      const rank = crew.filter((other) => other.eid < entity.eid).length;
      const angle = (rank / crew.length) * Math.PI * 2;
      x += Math.cos(angle) * FORMATION_RADIUS;
      y += Math.sin(angle) * FORMATION_RADIUS;
    }
    found.set(entity.eid, { x, y });
  }
  return found;
}

/** By eid. */
export function indexed(state: SystemState | null): Map<number, Entity> {
  return new Map((state?.entities ?? []).map((entity) => [entity.eid, entity]));
}
