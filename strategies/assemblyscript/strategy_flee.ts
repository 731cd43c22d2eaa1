// Run from every ship that comes close; in peace, live as strategy_default does.
//
// A ship within four cells is reason enough to leave, whatever its strength. Of the four directions the ship takes
// the one that ends furthest from the nearest ship in view, so it is neither caught between two nor in a corner.

import { SHIP, entityAt, entityCount, landingX, landingY, memoryOf, move } from "./lib/wasmverse";
import { decide as decideInPeace } from "./strategy_default";
export { cabi_realloc } from "./lib/wasmverse";

/** Ships this near, in a straight line, put a ship to flight. */
const FEAR_CELLS: u32 = 4;

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  let nearestSquared = nearestShipSquared(x, y, system, systemLength);
  if (nearestSquared > FEAR_CELLS * FEAR_CELLS) {
    return decideInPeace(
      kind, x, y, energy, shield, blasters, thrusters, harvesters, lastPlan, system, systemLength,
    );
  }
  let safest: u32 = 0;
  let safestSquared: u32 = 0;
  for (let direction: u32 = 0; direction < 4; direction++) {
    const toX = landingX(x, direction, thrusters);
    const toY = landingY(y, direction, thrusters);
    const squared = nearestShipSquared(toX, toY, system, systemLength);
    if (squared > safestSquared) {
      safest = direction;
      safestSquared = squared;
    }
  }
  return move(safest, thrusters, memoryOf(lastPlan));
}

/** The square of the straight distance to the nearest ship; the largest number there is when none is in view. */
function nearestShipSquared(x: u32, y: u32, system: usize, systemLength: u32): u32 {
  let nearestSquared = u32.MAX_VALUE;
  const count = entityCount(systemLength);
  for (let index: u32 = 0; index < count; index++) {
    const entity = entityAt(system, index);
    if (entity.kind != SHIP) break; // only nodes follow
    const east = entity.x - x;
    const south = entity.y - y;
    // Unsigned numbers wrap, and so do their squares: the sum is right whatever the sign.
    nearestSquared = min(nearestSquared, east * east + south * south);
  }
  return nearestSquared;
}
