import type { Point } from './camera';

/** How fast the camera closes up when it begins to follow, and how fast its look-ahead changes. */
const CLOSE_MS = 180;
const LEAD_MS = 320;
/** The camera looks so far ahead on the way that is left, and at most by so much of what is in sight. */
const LEAD_SHARE = 0.5;
const LEAD_SPAN = 0.2;

/**
 * A camera that is locked on something which moves: once it has closed up, the distance between the two is the look-ahead alone,
 * however fast the ship flies.
 */
export class Chase {
  private gap: Point | null = null;
  private lead: Point = { x: 0, y: 0 };

  /** The camera is elsewhere, or follows another: it has to close up again. */
  reset(): void {
    this.gap = null;
    this.lead = { x: 0, y: 0 };
  }

  /**
   * Where the camera's centre has to be in this frame. `centre`: where it is; `at`: where the ship is; `goal`: where it will be
   * at the end of its way; `span`: the shorter side of what is in sight, in the same unit.
   */
  step(centre: Point, at: Point, goal: Point, span: number, passedMs: number): Point {
    this.gap ??= { x: centre.x - at.x, y: centre.y - at.y };
    const closing = Math.exp(-passedMs / CLOSE_MS);
    this.gap = { x: this.gap.x * closing, y: this.gap.y * closing };
    const wanted = { x: (goal.x - at.x) * LEAD_SHARE, y: (goal.y - at.y) * LEAD_SHARE };
    const long = Math.hypot(wanted.x, wanted.y);
    const fit = Math.min(1, (LEAD_SPAN * span) / Math.max(long, 1e-9));
    const share = 1 - Math.exp(-passedMs / LEAD_MS);
    this.lead = {
      x: this.lead.x + (wanted.x * fit - this.lead.x) * share,
      y: this.lead.y + (wanted.y * fit - this.lead.y) * share,
    };
    return { x: at.x + this.gap.x + this.lead.x, y: at.y + this.gap.y + this.lead.y };
  }
}
