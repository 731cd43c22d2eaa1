import { GRID_SIDE } from '../sql/space';
import type { Brush } from './brush';

const MAJOR = 10;
const LINE = 0x8fb2ff;
const CORNER = 3;

/** The 100 x 100 cells, drawn so faintly that they order the picture and no more. `scale` is in pixels a cell. */
export function drawGrid(brush: Brush, scale: number): void {
  const width = 1 / scale;
  // Single cells are drawn only where there is room between their lines.
  const minor = 0.06 * Math.min(Math.max((scale - 6) / 12, 0), 1);
  for (let at = 0; at <= GRID_SIDE; at += 1) {
    const isEdge = at === 0 || at === GRID_SIDE;
    const alpha = isEdge ? 0.32 : at % MAJOR === 0 ? 0.095 : minor;
    brush.line(at, 0, at, GRID_SIDE, width, LINE, alpha);
    brush.line(0, at, GRID_SIDE, at, width, LINE, alpha);
  }
  for (const x of [0, GRID_SIDE]) {
    for (const y of [0, GRID_SIDE]) {
      brush.line(x, y, x === 0 ? CORNER : GRID_SIDE - CORNER, y, 2 * width, LINE, 0.9);
      brush.line(x, y, x, y === 0 ? CORNER : GRID_SIDE - CORNER, 2 * width, LINE, 0.9);
    }
  }
}
