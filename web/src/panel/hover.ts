import type { Ranked } from '../sql/ranks';
import type { Entity } from '../sql/system';
import type { SystemPlace, SystemSummary } from '../sql/systems';
import { count, percent } from './format';

/** What the tooltip says of a star, a ship or a node; who has a rank is named, of a system the strongest. */
export function hoverText(
  found: SystemPlace | Entity,
  summaries: ReadonlyMap<number, SystemSummary>,
  ranks: readonly Ranked[],
): string {
  if ('eid' in found) {
    const ranked = ranks.find(({ eid }) => eid === found.eid);
    const plain = found.kind === 'ship' ? `Ship ${found.eid}` : `Node ${found.eid}`;
    const name = ranked === undefined || found.kind !== 'ship' ? plain : titled(ranked);
    return [name, found.strategy, `${count(found.energy)} energy`]
      .filter((part) => part !== null)
      .join(' · ');
  }
  const summary = summaries.get(found.sid);
  if (summary === undefined) return `System ${found.sid}`;
  const share = percent(summary.leaderEnergy / Math.max(1, summary.energy));
  const strongest = ranks.find(({ sid }) => sid === found.sid);
  const home = strongest === undefined ? '' : ` · ${titled(strongest)}`;
  return `System ${found.sid} · ${count(summary.ships)} ships · ${summary.leader} leads with ${share} of ${count(summary.energy)} energy${home}`;
}

function titled({ name, rank }: Ranked): string {
  return `${name}, ${rank}`;
}
