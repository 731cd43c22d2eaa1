import type { Entity } from '../sql/system';
import type { SystemPlace, SystemSummary } from '../sql/systems';
import { count, percent } from './format';

/** What the tooltip says of a star, a ship or a node. */
export function hoverText(
  found: SystemPlace | Entity,
  summaries: ReadonlyMap<number, SystemSummary>,
): string {
  if ('eid' in found) {
    const name = found.kind === 'ship' ? `Ship ${found.eid}` : `Node ${found.eid}`;
    return [name, found.strategy, `${count(found.energy)} energy`]
      .filter((part) => part !== null)
      .join(' · ');
  }
  const summary = summaries.get(found.sid);
  if (summary === undefined) return `System ${found.sid}`;
  const share = percent(summary.leaderEnergy / Math.max(1, summary.energy));
  return `System ${found.sid} · ${count(summary.ships)} ships · ${summary.leader} leads with ${share} of ${count(summary.energy)} energy`;
}
