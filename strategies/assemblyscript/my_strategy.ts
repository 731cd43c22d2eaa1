// A strategy to begin with: copy this file, change it, build it, push it.
//
// It makes for the nearest node and harvests it, buys a harvester when it is rich, and otherwise flies straight on,
// turning right at the edge. The direction it flies in is the one thing it remembers.

import { NODE, Part, cellsAhead, memoryOf, move, moveToward, nearest, upgrade } from "./lib/wasmverse";
export { cabi_realloc } from "./lib/wasmverse";

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  let direction = <u32>memoryOf(lastPlan) & 3;
  if (energy >= 150) return upgrade(Part.Harvesters, direction);

  const node = nearest(NODE, x, y, system, systemLength);
  if (node) return moveToward(x, y, node.x, node.y, direction);

  if (cellsAhead(x, y, direction) == 0) direction = (direction + 1) & 3;
  return move(direction, thrusters, direction);
}
