import type { Entity, SystemState } from '../sql/system';
import type { Stand } from './formation';

export interface Pose {
  /** In cells; (dx, dy) beside it, which grows with the swell of the picture. */
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
  /** Radians; 0 looks along x, to the east. */
  readonly heading: number;
  /** How fast, 0..1: the length of the flame. */
  readonly speed: number;
}

/** The way of one entity through one turn. */
export interface Leg {
  readonly from: Pose;
  readonly to: Stand;
  /** Its course on the way. */
  readonly heading: number;
}

/** Ships arrive before the turn is over, so that the battle at the end of the way has its moment. */
export const TRAVEL_SHARE = 0.66;
const TURN_SHARE = 0.22;
/** From here on a ship that has arrived turns to what it faces. */
const FACE_SHARE = 0.58;
const FACES_SHARE = 0.12;
const NORTH = -Math.PI / 2;

export function legTo(to: Stand, from: Pose | null): Leg {
  if (from === null) {
    const heading = to.facing ?? NORTH;
    return { from: { x: to.x, y: to.y, dx: to.dx, dy: to.dy, heading, speed: 0 }, to, heading };
  }
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  // Below half a cell it is a change of formation, not of course.
  return { from, to, heading: Math.hypot(dx, dy) < 0.5 ? from.heading : Math.atan2(dy, dx) };
}

/** The pose at share 0..1 of the turn. */
export function poseOn({ from, to, heading }: Leg, share: number): Pose {
  const t = within01(share / TRAVEL_SHARE);
  // Smoothstep and its derivative: starts and ends at rest, the flame is longest in the middle of the way.
  const way = t * t * (3 - 2 * t);
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const onCourse = turned(from.heading, heading, within01(share / TURN_SHARE));
  return {
    x: from.x + (to.x - from.x) * way,
    y: from.y + (to.y - from.y) * way,
    dx: from.dx + (to.dx - from.dx) * way,
    dy: from.dy + (to.dy - from.dy) * way,
    heading:
      to.facing === null
        ? onCourse
        : turned(onCourse, to.facing, within01((share - FACE_SHARE) / FACES_SHARE)),
    speed: 4 * t * (1 - t) * Math.min(distance / 3, 1),
  };
}

/** Where something is drawn, in cells, in a picture that is enlarged by `swell`. */
export function drawnAt(
  { x, y, dx, dy }: { readonly x: number; readonly y: number; readonly dx: number; readonly dy: number },
  swell: number,
): { x: number; y: number } {
  return { x: x + dx * swell, y: y + dy * swell };
}

/** The shorter way round. */
export function turned(from: number, to: number, share: number): number {
  const whole = Math.PI * 2;
  const difference = ((((to - from + Math.PI) % whole) + whole) % whole) - Math.PI;
  return from + difference * share;
}

/** By eid. */
export function indexed(state: SystemState | null): Map<number, Entity> {
  return new Map((state?.entities ?? []).map((entity) => [entity.eid, entity]));
}

function within01(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
