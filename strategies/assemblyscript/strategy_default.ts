// Grow, eat, roam.
//
// A ship that can afford it buys an upgrade, and keeps a reserve to live on. Otherwise it makes for the nearest
// energy node and stays on it until it is empty. It passes over nodes where another ship sits, because ships
// that share a cell fight and harvest nothing; the weaker of the two leaves. With no node in view it roams in the
// direction it remembers, and turns well before the edge, beyond which there is nothing to see.

import {
  Entity, HARVESTERS_ENOUGH, MOVE_CELLS_MAX, NODE, PART_MAX, Part, UPGRADE_COST,
  cellAt, cellsAhead, dangerIn, distance, listEnd, listStart, memoryOf, move, moveToward, upgrade,
} from "./lib/wasmverse";
export { cabi_realloc } from "./lib/wasmverse";

/** What an upgrade must leave in store: enough to find the next node. */
const RESERVE: u32 = 100;

/** Roaming ships turn this far from the edge: from here they can still see up to it. */
const EDGE_CELLS: u32 = 12;

/** Memory: two bits of direction, and this one once they mean something. */
const HEADING_KNOWN: u64 = 4;

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  const memory = memoryOf(lastPlan);
  const danger = dangerIn(cellAt(x, y), system, systemLength);
  const staysHere = danger < blasters || (danger == blasters && coin(energy));
  if (staysHere && energy >= UPGRADE_COST + RESERVE && blasters < PART_MAX) {
    return upgrade(nextPart(blasters, thrusters, harvesters), memory);
  }
  const node = nearestFreeNode(x, y, staysHere, system, systemLength);
  if (node) return moveToward(x, y, node.x, node.y, memory);
  return roam(x, y, thrusters, memory);
}

/** Keeps the parts even, harvesters first because they pay for the others. */
function nextPart(blasters: u32, thrusters: u32, harvesters: u32): u32 {
  if (harvesters <= blasters && harvesters < HARVESTERS_ENOUGH) return Part.Harvesters;
  if (thrusters < blasters && thrusters < MOVE_CELLS_MAX) return Part.Thrusters;
  return Part.Blasters;
}

/** The nearest node without a ship in its cell; the ship's own cell counts as free if it means to stay. */
function nearestFreeNode(x: u32, y: u32, staysHere: bool, system: usize, systemLength: u32): Entity | null {
  let found: Entity | null = null;
  let foundDistance = u32.MAX_VALUE;
  const start = listStart(system);
  // Nodes end the list, so walking back from its end stops at the last ship.
  for (let entity = listEnd(system, systemLength); entity != start; ) {
    entity = entity.previous;
    if (entity.kind != NODE) break;
    const entityDistance = distance(x, y, entity.x, entity.y);
    if (entityDistance >= foundDistance) continue;
    const isFree = entityDistance == 0 ? staysHere : dangerIn(entity.cell, system, systemLength) == 0;
    if (!isFree) continue;
    found = entity;
    foundDistance = entityDistance;
  }
  return found;
}

/** Two equals in one cell think alike; what they differ in is their energy, so it decides who leaves. */
@inline
function coin(energy: u32): bool {
  return (energy * 0x9e3779b1) >> 31 != 0;
}

/** Straight on in the remembered direction; near the edge, a turn toward the side with more room. */
function roam(x: u32, y: u32, thrusters: u32, memory: u64): u64 {
  // A new ship remembers nothing: the cell it woke in sends it one way or another, so that ships spread.
  let direction = (memory & HEADING_KNOWN ? <u32>memory : x + y) & 3;
  if (cellsAhead(x, y, direction) <= EDGE_CELLS) {
    const right = (direction + 1) & 3;
    const left = (direction + 3) & 3;
    direction = cellsAhead(x, y, right) >= cellsAhead(x, y, left) ? right : left;
  }
  return move(direction, thrusters, HEADING_KNOWN | direction);
}
