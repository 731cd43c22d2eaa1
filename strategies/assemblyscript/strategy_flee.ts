// Run from every ship that comes close; in peace, live as strategy_default does.
//
// A ship within four cells is reason enough to leave, whatever its strength. The four directions are compared by the
// cell they lead to: out of reach of every ship in view, if that can be had, and then as near to a node as possible.

import {
  Entity, MOVE_CELLS_MAX, NODE, SHIP,
  cellsAhead, columnAfter, distance, listEnd, listStart, memoryOf, move, nearest, rowAfter,
} from "./lib/wasmverse";
import { decide as decideInPeace } from "./strategy_default";
export { cabi_realloc } from "./lib/wasmverse";

/** Ships this near, in a straight line, put a ship to flight. */
const FEAR_CELLS: u32 = 4;
const FEAR_SQUARED: u32 = FEAR_CELLS * FEAR_CELLS;

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  if (!isInReach(x, y, system, systemLength)) {
    return decideInPeace(kind, x, y, energy, shield, blasters, thrusters, harvesters, lastPlan, system, systemLength);
  }
  let best: u32 = 0;
  let bestMerit = i32.MIN_VALUE;
  for (let direction: u32 = 0; direction < 4; direction++) {
    const cells = min(min(thrusters, MOVE_CELLS_MAX), cellsAhead(x, y, direction));
    const merit = meritOf(columnAfter(x, direction, cells), rowAfter(y, direction, cells), system, systemLength);
    if (merit > bestMerit) {
      best = direction;
      bestMerit = merit;
    }
  }
  return move(best, thrusters, memoryOf(lastPlan));
}

/** Whether a cell lies in reach of any ship in view. */
function isInReach(x: u32, y: u32, system: usize, systemLength: u32): bool {
  const end = listEnd(system, systemLength);
  for (let entity = listStart(system); entity != end; entity = entity.next) {
    if (entity.kind != SHIP) break; // only nodes follow
    if (squareBetween(x, y, entity) <= FEAR_SQUARED) return true;
  }
  return false;
}

/** How good it is to be in a cell: below zero in reach of a ship, above zero when out of it. */
function meritOf(x: u32, y: u32, system: usize, systemLength: u32): i32 {
  const shipSquared = nearestShipSquared(x, y, system, systemLength);
  if (shipSquared <= FEAR_SQUARED) return <i32>shipSquared - <i32>FEAR_SQUARED - 1;
  const node = nearest(NODE, x, y, system, systemLength);
  return node ? 1000 - <i32>distance(x, y, node.x, node.y) : 0;
}

/** The square of the straight distance to the nearest ship; the largest number there is when none is in view. */
function nearestShipSquared(x: u32, y: u32, system: usize, systemLength: u32): u32 {
  let nearestSquared = u32.MAX_VALUE;
  const end = listEnd(system, systemLength);
  for (let entity = listStart(system); entity != end; entity = entity.next) {
    if (entity.kind != SHIP) break; // only nodes follow
    nearestSquared = min(nearestSquared, squareBetween(x, y, entity));
  }
  return nearestSquared;
}

/** The square of the straight distance. */
@inline
function squareBetween(x: u32, y: u32, entity: Entity): u32 {
  const east = entity.x - x;
  const south = entity.y - y;
  // Unsigned numbers wrap, and their squares are right all the same.
  return east * east + south * south;
}
