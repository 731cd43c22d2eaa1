// Arm, then hunt.
//
// Energy goes into blasters, and into the harvesters that pay for them. With its shield up and energy to spare, the
// ship hunts the nearest ship that carries at most half its blasters, and stays in its cell until one of them is
// gone: the loser becomes a node, and the winner eats it. Everything else it does as strategy_default does.

import {
  Entity, HARVESTERS_ENOUGH, MOVE_CELLS_MAX, PART_MAX, Part, SHIP, UPGRADE_COST,
  cellAt, dangerIn, distance, listEnd, listStart, memoryOf, moveToward, upgrade,
} from "./lib/wasmverse";
import { decide as decideInPeace } from "./strategy_default";
export { cabi_realloc } from "./lib/wasmverse";

/** What an upgrade must leave in store. Less than in peace: a hunter lives by its prey. */
const RESERVE: u32 = 80;

/** A hunt costs energy every turn and pays only at its end. */
const ENERGY_TO_HUNT: u32 = 60;

/** No hunt goes on with a shield below this: what is left is for the way out. */
const SHIELD_TO_HUNT: u32 = 60;

/** Prey further away than this has moved on before the hunter arrives. */
const HUNT_CELLS: u32 = 8;

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  const memory = memoryOf(lastPlan);
  const outgunned = dangerIn(cellAt(x, y), system, systemLength) > blasters;
  if (!outgunned && energy >= UPGRADE_COST + RESERVE && blasters < PART_MAX) {
    return upgrade(nextPart(blasters, thrusters, harvesters), memory);
  }
  if (!outgunned && energy >= ENERGY_TO_HUNT && shield >= SHIELD_TO_HUNT) {
    const prey = nearestPrey(x, y, blasters, system, systemLength);
    if (prey) return moveToward(x, y, prey.x, prey.y, memory);
  }
  return decideInPeace(kind, x, y, energy, shield, blasters, thrusters, harvesters, lastPlan, system, systemLength);
}

/** Blasters lead, harvesters follow one behind, and half as many thrusters are enough to catch up. */
function nextPart(blasters: u32, thrusters: u32, harvesters: u32): u32 {
  if (harvesters < blasters && harvesters < HARVESTERS_ENOUGH) return Part.Harvesters;
  if (thrusters * 2 < blasters && thrusters < MOVE_CELLS_MAX) return Part.Thrusters;
  return Part.Blasters;
}

/** The nearest ship worth hunting: all ships in its cell together carry at most half our blasters. */
function nearestPrey(x: u32, y: u32, blasters: u32, system: usize, systemLength: u32): Entity | null {
  let found: Entity | null = null;
  let foundDistance = HUNT_CELLS + 1;
  const end = listEnd(system, systemLength);
  for (let entity = listStart(system); entity != end; entity = entity.next) {
    if (entity.kind != SHIP) break; // only nodes follow
    const entityDistance = distance(x, y, entity.x, entity.y);
    if (entityDistance >= foundDistance || <u32>entity.danger * 2 > blasters) continue;
    if (dangerIn(entity.cell, system, systemLength) * 2 > blasters) continue;
    found = entity;
    foundDistance = entityDistance;
  }
  return found;
}
