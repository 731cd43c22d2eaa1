/** Between two pictures that differ only in what moves by itself. */
const BEAT_MS_MIN = 66;
const BEAT_MS_MAX = 1500;
/** A picture that takes longer than this keeps others waiting. */
const LATE_MS = 45;

/**
 * The slow life of the sky: clouds, dust and the beat of stars. It is drawn seldom, and less often where a picture
 * takes long, as without a graphics card. A browser draws no frames of a hidden tab, so there it stands still.
 */
export class Life {
  seconds = 0;
  private beatMs = BEAT_MS_MIN;
  private sinceMs = 0;
  private hasJustDrawn = false;

  constructor(private readonly isCalm: () => boolean) {}

  /** One frame; returns whether the sky is to be drawn for its own sake. */
  beat(_nowMs: number, passedMs: number): boolean {
    if (this.isCalm()) return false;
    // The frame after the one that was drawn tells how long drawing took.
    if (this.hasJustDrawn) this.beatMs = paceAfter(this.beatMs, passedMs);
    this.hasJustDrawn = false;
    this.sinceMs += passedMs;
    if (this.sinceMs < this.beatMs) return false;
    this.seconds += this.sinceMs / 1000;
    this.sinceMs = 0;
    this.hasJustDrawn = true;
    return true;
  }
}

/** The time to the next beat, after one whose picture took `tookMs`. */
export function paceAfter(beatMs: number, tookMs: number): number {
  const next = tookMs > LATE_MS ? beatMs * 1.6 : beatMs * 0.9;
  return Math.min(Math.max(next, BEAT_MS_MIN), BEAT_MS_MAX);
}
