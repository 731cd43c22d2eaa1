// Arm, then hunt.
//
// Energy goes into blasters first. With its shield up and energy to spare, the ship hunts the nearest ship it can
// expect to beat, and stays in its cell until one of them is gone: the loser becomes a node, and the winner eats it.
// Everything else it does as strategy_default does.

import {
  Entity, MOVE_CELLS_MAX, Part, SHIP, UPGRADE_COST,
  dangerAt, distance, entityAt, entityCount, memoryOf, moveToward, upgrade,
} from "./lib/wasmverse";
import { decide as decideInPeace } from "./strategy_default";
export { cabi_realloc } from "./lib/wasmverse";

/** What an upgrade must leave in store. */
const RESERVE: u32 = 50;

/** A hunt costs energy every turn and pays only at its end. */
const ENERGY_TO_HUNT: u32 = 40;

/** No hunt starts with a shield below this. */
const SHIELD_TO_HUNT: u32 = 60;

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  const memory = memoryOf(lastPlan);
  if (energy >= ENERGY_TO_HUNT && shield >= SHIELD_TO_HUNT) {
    const prey = nearestPrey(x, y, blasters, system, systemLength);
    if (prey) return moveToward(x, y, prey.x, prey.y, memory);
  }
  return decideInPeace(kind, x, y, energy, shield, blasters, thrusters, harvesters, lastPlan, system, systemLength);
}

function nearestPrey(x: u32, y: u32, blasters: u32, system: usize, systemLength: u32): Entity | null {
  let found: Entity | null = null;
  let foundDistance = u32.MAX_VALUE;
  const count = entityCount(systemLength);
  for (let index: u32 = 0; index < count; index++) {
    const entity = entityAt(system, index);
    if (entity.kind != SHIP) break; // only nodes follow
    const entityDistance = distance(x, y, entity.x, entity.y);
    if (entityDistance >= foundDistance) continue;
    if (dangerAt(entity.x, entity.y, system, systemLength) >= blasters) continue;
    found = entity;
    foundDistance = entityDistance;
  }
  return found;
}
