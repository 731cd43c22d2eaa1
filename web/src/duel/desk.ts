import type { Address } from '../place/address';
import type { DuelSizes } from './game';
import type { DuelModule } from './guest';

/** A duel that is asked for: two to six modules. */
export interface DuelOrder extends Partial<DuelSizes> {
  readonly modules: readonly DuelModule[];
  /** The state in which it has to end: it was played before. */
  readonly stateHash?: string;
}

export const MODULES_MIN = 2;
export const MODULES_MAX = 6;
/** As `wasmverse duel`, but for the systems, of which a page need not play a hundred. */
export const SIZES: DuelSizes = { seed: 1, systems: 8, ships: 32, nodes: 64, upkeep: 0, turns: 300 };

let asked: DuelOrder | null = null;
let take: ((order: DuelOrder) => void) | null = null;

/** Opens the duel and has it played at once. Modules are bytes, so they cannot be in the address: they wait here. */
export function openDuel(address: Pick<Address, 'go'>, order: DuelOrder): void {
  asked = order;
  hand();
  address.go({ sheet: 'duel' });
}

/** Who plays: is handed what was asked for, now and from now on. */
export function onDuel(player: (order: DuelOrder) => void): void {
  take = player;
  hand();
}

function hand(): void {
  if (take === null || asked === null) return;
  const order = asked;
  asked = null;
  take(order);
}
