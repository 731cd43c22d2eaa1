import { type Camera, clamp, type Point } from './camera';

/**
 * Between the map and a system there is no step: who comes closer than the one span, in cells of the map, is in the
 * system at which the pointer was; who draws back beyond the other is on the map. Not the same, so that a hand that
 * trembles does not go in and out.
 */
export const ENTER_SPAN = 4.2;
export const LEAVE_SPAN = 6;
/** From this span on, whoever comes closer is led to a star, so that no way ends in empty space. */
const PULL_SPAN = 70;

/** The way of a zoom that is still to go: a wheel jumps, the eye would rather glide. */
export class Glide {
  pixel: Point = { x: 0, y: 0 };
  private rest = 0;

  get isOver(): boolean {
    return this.rest === 0;
  }

  add(factor: number, pixel: Point): void {
    // Who turns the wheel the other way means it at once.
    const way = Math.log(factor);
    this.rest = this.rest * way < 0 ? way : this.rest + way;
    this.pixel = pixel;
  }

  stop(): void {
    this.rest = 0;
  }

  /** The factor of one frame. */
  step(passedMs: number): number {
    const share = Math.abs(this.rest) < 0.002 ? 1 : 1 - Math.exp(-passedMs / GLIDE_MS);
    const way = this.rest * share;
    this.rest = share === 1 ? 0 : this.rest - way;
    return Math.exp(way);
  }
}

const GLIDE_MS = 85;

/**
 * The camera after it came closer from the span `before`: drawn on so that `star` is under the pixel when its system
 * is entered.
 */
export function pulled(camera: Camera, before: number, pixel: Point, star: Point): Camera {
  const { span } = camera.sight;
  if (before <= ENTER_SPAN || span >= before || span > PULL_SPAN) return camera;
  const way = clamp(Math.log(before / span) / Math.log(before / ENTER_SPAN), 0, 1);
  // Most of the way while it is still small on the screen.
  const share = 1 - (1 - way) ** 3;
  const under = camera.toPlane(pixel);
  return camera.at({
    x: camera.sight.x + (star.x - under.x) * share,
    y: camera.sight.y + (star.y - under.y) * share,
    span,
  });
}
