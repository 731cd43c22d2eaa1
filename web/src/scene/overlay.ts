import type { Mark } from '../sql/ship';
import type { Plan } from '../view/plan';
import { SHIP_LENGTH } from '../view/size';
import type { Brush } from './brush';
import type { Lens } from './figures';

interface Point {
  readonly x: number;
  readonly y: number;
}

const RETICLE_RADIUS = 1.15;
const RETICLE_SPREAD = 0.32;
const SIGHT_STEPS = 144;
const TRAIL_MARKS = 60;
const PALE = 0xcfe0ff;

/** The mark around what is selected. */
export function drawReticle(brush: Brush, at: Point, lens: Lens): void {
  const radius = RETICLE_RADIUS * SHIP_LENGTH * lens.swell;
  const width = Math.max(0.1 * lens.swell, 1.6 / lens.scale);
  const turn = lens.isCalm ? 0 : lens.nowMs / 2600;
  brush.dot(brush.atlas.ring, at.x, at.y, radius * 2.2, 0xffffff, 0.14);
  for (let quarter = 0; quarter < 4; quarter += 1) {
    const middle = turn + (quarter * Math.PI) / 2;
    brush.arc(at.x, at.y, radius, middle - RETICLE_SPREAD, middle + RETICLE_SPREAD, width, 0xffffff, 0.95, 6);
  }
}

/** How far a ship sees: a broken circle around its cell, whose inside is a little lighter. */
export function drawSight(brush: Brush, at: Point, reach: number, colour: number, lens: Lens): void {
  brush.dot(brush.atlas.disc, at.x, at.y, reach * 2, colour, 0.075);
  brush.arc(
    at.x,
    at.y,
    reach,
    0,
    Math.PI * 2,
    Math.max(1.4 / lens.scale, 0.05),
    colour,
    0.6,
    SIGHT_STEPS,
    true,
  );
}

/** That a ship is seen: a line to it; of a node, a ring around it. */
export function drawSeen(brush: Brush, from: Point, to: Point, colour: number, lens: Lens): void {
  const gap = SHIP_LENGTH * lens.swell;
  const long = Math.hypot(to.x - from.x, to.y - from.y);
  if (long < gap * 1.6) return;
  const along = (far: number): readonly [number, number] => [
    from.x + ((to.x - from.x) * far) / long,
    from.y + ((to.y - from.y) * far) / long,
  ];
  brush.line(...along(gap), ...along(long - gap * 0.9), 1.2 / lens.scale, colour, 0.42);
  brush.dot(brush.atlas.ring, to.x, to.y, gap * 1.7, colour, 0.5);
}

export function drawSeenNode(brush: Brush, at: Point, lens: Lens): void {
  brush.dot(brush.atlas.ring, at.x, at.y, 1.7 * lens.swell, 0xffd08a, 0.42);
}

/** What a ship had decided: an arrow from where the turn began; waves where it upgrades. */
export function drawPlan(brush: Brush, plan: Plan, from: Point, at: Point, colour: number, lens: Lens): void {
  const width = Math.max(0.11 * lens.swell, 2 / lens.scale);
  if (plan.act === 'upgrade') {
    const wave = lens.isCalm ? 0.5 : (lens.nowMs / 900) % 1;
    const size = SHIP_LENGTH * lens.swell * (1.4 + 2 * wave);
    brush.dot(brush.atlas.ring, at.x, at.y, size, 0xffffff, 0.7 * (1 - wave));
    return;
  }
  if (plan.act !== 'move' || (plan.dx === 0 && plan.dy === 0)) return;
  const toX = from.x + plan.dx;
  const toY = from.y + plan.dy;
  const head = Math.max(0.9 * lens.swell, 9 / lens.scale);
  const angle = Math.atan2(plan.dy, plan.dx);
  brush.line(from.x, from.y, toX, toY, width * 3, colour, 0.35, brush.atlas.beam);
  brush.line(from.x, from.y, toX, toY, width, PALE, 0.85);
  brush.draw(brush.atlas.head, toX, toY, head, head, angle, PALE, 0.95);
  brush.dot(brush.atlas.core, from.x, from.y, head * 0.6, PALE, 0.8);
}

/** Where a ship has been: the older, the fainter; a point at the end of each turn. */
export function drawTrail(brush: Brush, marks: readonly Mark[], at: Point, colour: number, lens: Lens): void {
  const shown = marks.slice(-TRAIL_MARKS);
  const width = Math.max(0.07 * lens.swell, 1.5 / lens.scale);
  shown.forEach((mark, i) => {
    const strength = ((i + 1) / shown.length) ** 1.4;
    const next = shown[i + 1];
    const from = { x: mark.x + 0.5, y: mark.y + 0.5 };
    // The last turn's way is flown now: the line ends at the ship.
    const to = i + 2 >= shown.length || next === undefined ? at : { x: next.x + 0.5, y: next.y + 0.5 };
    if (i + 1 >= shown.length) return;
    brush.line(from.x, from.y, to.x, to.y, width, colour, 0.75 * strength);
    brush.dot(brush.atlas.core, from.x, from.y, width * 4.4, colour, 0.9 * strength);
  });
}
