import { SHIP_LENGTH } from '../view/size';
import type { Brush } from './brush';
import type { Lens } from './figures';

const RETICLE_RADIUS = 1.15;
const RETICLE_SPREAD = 0.32;

/** The mark around what is selected. */
export function drawReticle(brush: Brush, at: { x: number; y: number }, lens: Lens): void {
  const radius = RETICLE_RADIUS * SHIP_LENGTH * lens.swell;
  const width = Math.max(0.1 * lens.swell, 1.6 / lens.scale);
  const turn = lens.isCalm ? 0 : lens.nowMs / 2600;
  brush.dot(brush.atlas.ring, at.x, at.y, radius * 2.2, 0xffffff, 0.14);
  for (let quarter = 0; quarter < 4; quarter += 1) {
    const middle = turn + (quarter * Math.PI) / 2;
    brush.arc(at.x, at.y, radius, middle - RETICLE_SPREAD, middle + RETICLE_SPREAD, width, 0xffffff, 0.95, 6);
  }
}
