// Grow, eat, roam.
//
// A ship that can afford it buys an upgrade, and keeps a reserve to live on. Otherwise it makes for the nearest
// energy node and stays on it until it is empty. It passes over nodes where a stronger ship sits, because ships
// that share a cell fight and harvest nothing. With no node in view it roams in the direction it remembers, and
// turns well before the edge, beyond which there is nothing to see.

import {
  Direction, Entity, MOVE_CELLS_MAX, NODE, Part, UPGRADE_COST,
  cellsAhead, dangerAt, distance, entityAt, entityCount, memoryOf, move, moveToward, upgrade,
} from "./lib/wasmverse";
export { cabi_realloc } from "./lib/wasmverse";

/** What an upgrade must leave in store. */
const RESERVE: u32 = 50;

/** Roaming ships turn this far from the edge: from here they can still see up to it. */
const EDGE_CELLS: u32 = 12;

/** A ship fights over a node only while its shield is above this. */
const SHIELD_TO_FIGHT: u32 = 50;

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  const memory = memoryOf(lastPlan);
  if (energy >= UPGRADE_COST + RESERVE) {
    const part = nextPart(blasters, thrusters, harvesters);
    if (part >= 0) return upgrade(part, memory);
  }
  const dangerBearable = shield > SHIELD_TO_FIGHT ? blasters : 0;
  const node = nearestNode(x, y, dangerBearable, system, systemLength);
  if (node) return moveToward(x, y, node.x, node.y, memory);
  return roam(x, y, thrusters, memory);
}

/** Keeps the parts even, harvesters first because they pay for the others; -1 when all have reached their use. */
function nextPart(blasters: u32, thrusters: u32, harvesters: u32): i32 {
  if (harvesters <= blasters && harvesters < 100) return Part.Harvesters;
  if (thrusters < blasters && thrusters < MOVE_CELLS_MAX) return Part.Thrusters;
  return blasters < 255 ? Part.Blasters : -1;
}

/** The nearest node whose cell holds no more danger than the ship will bear. */
function nearestNode(x: u32, y: u32, dangerBearable: u32, system: usize, systemLength: u32): Entity | null {
  let found: Entity | null = null;
  let foundDistance = u32.MAX_VALUE;
  // Nodes end the list, so reading it backwards stops at the first ship.
  for (let index = entityCount(systemLength); index > 0; index--) {
    const entity = entityAt(system, index - 1);
    if (entity.kind != NODE) break;
    const entityDistance = distance(x, y, entity.x, entity.y);
    if (entityDistance >= foundDistance) continue;
    if (dangerAt(entity.x, entity.y, system, systemLength) > dangerBearable) continue;
    found = entity;
    foundDistance = entityDistance;
  }
  return found;
}

/** Straight on in the remembered direction; near the edge, a turn toward the side with more room. */
function roam(x: u32, y: u32, thrusters: u32, memory: u64): u64 {
  let direction = <u32>memory & 3;
  if (cellsAhead(x, y, direction) <= EDGE_CELLS) {
    const right = (direction + 1) & 3;
    const left = (direction + 3) & 3;
    direction = cellsAhead(x, y, right) >= cellsAhead(x, y, left) ? right : left;
  }
  return move(direction, thrusters, (memory & ~3) | direction);
}
