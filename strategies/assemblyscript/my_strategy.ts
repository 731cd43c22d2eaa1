// A strategy to begin with: copy this file, change it, build it, push it.
//
// It goes to the nearest node and harvests there; with nothing in view it flies east, and back west at the edge.

import { Direction, NODE, cellsAhead, memoryOf, move, moveToward, nearest } from "./lib/wasmverse";
export { cabi_realloc } from "./lib/wasmverse";

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  const node = nearest(NODE, x, y, system, systemLength);
  if (node) return moveToward(x, y, node.x, node.y);
  return move(Direction.East, thrusters);
}
