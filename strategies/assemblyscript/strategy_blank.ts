// Does nothing at all: every ship holds until its energy is gone.
//
// The least a strategy can be, and a measure for the others: what does not outlive it is worse than nothing.

import { hold } from "./lib/wasmverse";
export { cabi_realloc } from "./lib/wasmverse";

export function decide(
  kind: u32, x: u32, y: u32, energy: u32, shield: u32, blasters: u32, thrusters: u32, harvesters: u32,
  lastPlan: u64, system: usize, systemLength: u32,
): u64 {
  return hold();
}
