import type { Holding } from '../sql/map';
import { mixed } from './colour';
import type { Claim } from './field';

/** So many strategies have territories of their own; the others have one together. */
const CLAIMS_MAX = 12;
const OTHERS_COLOUR = 0x8fa3c8;
/** What the territories of others than the isolated strategy fade to. */
const DIMMED_COLOUR = 0x141b2c;
const DIMMED_SHARE = 0.9;

/** The claims of the strategies, the richest first; all but the isolated one, if there is one, without their colour. */
export function claimsOf(
  holdings: readonly Holding[],
  colourOf: (strategy: string) => number,
  isolated: string | null,
): Claim[] {
  const energy = new Map<string, number>();
  for (const each of holdings) energy.set(each.strategy, (energy.get(each.strategy) ?? 0) + each.energy);
  const ranked = [...energy.keys()].sort(
    (a, b) => (energy.get(b) ?? 0) - (energy.get(a) ?? 0) || (a < b ? -1 : 1),
  );
  const named = ranked.slice(0, CLAIMS_MAX);
  // Who is to stand out does, however poor.
  if (isolated !== null && energy.has(isolated) && !named.includes(isolated)) named.push(isolated);
  const shown = (strategy: string, colour: number): number =>
    isolated === null || strategy === isolated ? colour : mixed(colour, DIMMED_COLOUR, DIMMED_SHARE);
  const claims = named.map((strategy) => ({
    strategy,
    colour: shown(strategy, colourOf(strategy)),
    deposits: [] as { x: number; y: number; weight: number }[],
  }));
  const byName = new Map(claims.map((claim) => [claim.strategy, claim]));
  const others = {
    strategy: '',
    colour: shown('', OTHERS_COLOUR),
    deposits: [] as { x: number; y: number; weight: number }[],
  };
  for (const { strategy, x, y, energy: weight } of holdings) {
    (byName.get(strategy) ?? others).deposits.push({ x, y, weight });
  }
  return others.deposits.length === 0 ? claims : [...claims, others];
}
