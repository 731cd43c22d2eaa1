import type { Sight } from '../place/place';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The part of the screen that no panel covers, in CSS pixels. The camera's centre is in the middle of it. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly spanMin: number;
  readonly spanMax: number;
  /** By how much the centre may leave the square, as a share of what is in sight beyond it; 0 when left out. */
  readonly slack?: number;
}

/** A sight of the plane, seen through a frame. Immutable: every move makes a new one. */
export class Camera {
  constructor(
    readonly sight: Sight,
    readonly frame: Frame,
  ) {}

  get pixelsPerUnit(): number {
    return Math.max(1, Math.min(this.frame.width, this.frame.height)) / this.sight.span;
  }

  /** Where the plane's origin is on the screen. */
  get origin(): Point {
    return this.toScreen({ x: 0, y: 0 });
  }

  toScreen(point: Point): Point {
    const scale = this.pixelsPerUnit;
    return {
      x: this.frame.left + this.frame.width / 2 + (point.x - this.sight.x) * scale,
      y: this.frame.top + this.frame.height / 2 + (point.y - this.sight.y) * scale,
    };
  }

  toPlane(pixel: Point): Point {
    const scale = this.pixelsPerUnit;
    return {
      x: this.sight.x + (pixel.x - this.frame.left - this.frame.width / 2) / scale,
      y: this.sight.y + (pixel.y - this.frame.top - this.frame.height / 2) / scale,
    };
  }

  /** The same sight through another frame. */
  through(frame: Frame): Camera {
    return new Camera(this.sight, frame);
  }

  at(sight: Sight): Camera {
    return new Camera(sight, this.frame);
  }

  /** Drags the plane along by so many pixels. */
  dragged(dx: number, dy: number): Camera {
    const scale = this.pixelsPerUnit;
    return this.at({ ...this.sight, x: this.sight.x - dx / scale, y: this.sight.y - dy / scale });
  }

  /** `factor` > 1 comes closer; the point of the plane under the pixel stays under it. */
  zoomed(factor: number, pixel: Point, bounds: Bounds): Camera {
    const span = clamp(this.sight.span / factor, bounds.spanMin, bounds.spanMax);
    const fixed = this.toPlane(pixel);
    const share = span / this.sight.span;
    return this.at({
      x: fixed.x + (this.sight.x - fixed.x) * share,
      y: fixed.y + (this.sight.y - fixed.y) * share,
      span,
    });
  }

  /** The centre stays over the bounds, the span within its limits. */
  within(bounds: Bounds): Camera {
    const span = clamp(this.sight.span, bounds.spanMin, bounds.spanMax);
    const slack = Math.max(0, span - bounds.size) * (bounds.slack ?? 0);
    return this.at({
      x: clamp(this.sight.x, bounds.x - slack, bounds.x + bounds.size + slack),
      y: clamp(this.sight.y, bounds.y - slack, bounds.y + bounds.size + slack),
      span,
    });
  }
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
