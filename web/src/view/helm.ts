import type { Sight } from '../place/place';
import { GRID_SIDE, MAP_SIDE } from '../sql/space';
import { LEAVE_SPAN, pulled } from './approach';
import { type Bounds, Camera, type Frame, type Point } from './camera';
import { ease, type Flight, flightBetween, flightMs } from './flight';

/** Where the camera may go in one view: the map, or one system on it. In map cells, as everything here. */
export interface View {
  readonly bounds: Bounds;
  /** All of it in sight. */
  readonly whole: Sight;
}

export const MAP_VIEW: View = {
  bounds: { x: 0, y: 0, size: MAP_SIDE, spanMin: 3, spanMax: 700 },
  whole: { x: MAP_SIDE / 2, y: MAP_SIDE / 2, span: 516 },
};

/** A system fills its cell of the map: one camera sees both, from the whole map down to a single ship. */
export function systemView(place: Point): View {
  return {
    bounds: { x: place.x, y: place.y, size: 1, spanMin: 0.06, spanMax: LEAVE_SPAN * 1.05, slack: 1 },
    whole: { x: place.x + 0.5, y: place.y + 0.5, span: 1.1 },
  };
}

/** Cells of a system to cells of the map, and back. */
export const CELLS_PER_UNIT = GRID_SIDE;

export function toMapSight(place: Point | null, sight: Sight): Sight {
  if (place === null) return sight;
  return {
    x: place.x + sight.x / CELLS_PER_UNIT,
    y: place.y + sight.y / CELLS_PER_UNIT,
    span: sight.span / CELLS_PER_UNIT,
  };
}

export function toOwnSight(place: Point | null, sight: Sight): Sight {
  if (place === null) return sight;
  return {
    x: (sight.x - place.x) * CELLS_PER_UNIT,
    y: (sight.y - place.y) * CELLS_PER_UNIT,
    span: sight.span * CELLS_PER_UNIT,
  };
}

/** A camera that creeps comes closer by this share of what is in sight, each second. */
const CREEP = 0.014;

/** Steers the camera: by hand within the view's bounds, or on a flight to another sight. */
export class Helm {
  camera: Camera;
  /** Once it has arrived, the camera comes slowly closer, until it is steered elsewhere. */
  private isCreeping = false;
  private view: View = MAP_VIEW;
  private course: { flight: Flight; startMs: number | null; lastsMs: number } | null = null;

  constructor(frame: Frame) {
    this.camera = new Camera(MAP_VIEW.whole, frame);
  }

  get isFlying(): boolean {
    return this.course !== null;
  }

  /** The sight when the flight is over. */
  get goal(): Sight {
    return this.course?.flight.at(1) ?? this.camera.sight;
  }

  get isWhole(): boolean {
    const { x, y, span } = this.goal;
    const { whole } = this.view;
    return Math.abs(x - whole.x) + Math.abs(y - whole.y) + Math.abs(span - whole.span) < whole.span * 0.004;
  }

  enter(view: View): void {
    this.view = view;
  }

  reframe(frame: Frame): void {
    this.camera = this.camera.through(frame);
  }

  jump(sight: Sight | null): void {
    this.halt();
    this.camera = this.camera.at(sight ?? this.view.whole).within(this.view.bounds);
  }

  /** A flight takes `pace` times as long as usual. */
  fly(sight: Sight | null, pace = 1): void {
    this.isCreeping = false;
    const goal = this.camera.at(sight ?? this.view.whole).within(this.view.bounds).sight;
    const flight = flightBetween(this.camera.sight, goal);
    this.course = flight.length < 1e-6 ? null : { flight, startMs: null, lastsMs: flightMs(flight) * pace };
  }

  /** Stays where it is, also in the middle of a flight. */
  halt(): void {
    this.course = null;
    this.isCreeping = false;
  }

  creep(): void {
    this.isCreeping = true;
  }

  drag(dx: number, dy: number): void {
    this.halt();
    this.camera = this.camera.dragged(dx, dy).within(this.view.bounds);
  }

  /** `star`: what whoever comes closer on the map is led to; null for nothing. */
  zoom(factor: number, pixel: Point, star: Point | null): void {
    this.halt();
    const before = this.camera.sight.span;
    const closer = this.camera.zoomed(factor, pixel, this.view.bounds);
    this.camera = (star === null ? closer : pulled(closer, before, pixel, star)).within(this.view.bounds);
  }

  /** Looks straight at a point. */
  centre({ x, y }: Point): void {
    this.camera = this.camera.at({ ...this.camera.sight, x, y });
  }

  /** One frame, `passedMs` after the one before; returns whether the camera moved. */
  advance(nowMs: number, passedMs: number): boolean {
    if (this.course === null) return this.isCreeping && this.come(passedMs);
    this.course.startMs ??= nowMs;
    const share = (nowMs - this.course.startMs) / this.course.lastsMs;
    this.camera = this.camera.at(this.course.flight.at(ease(share)));
    if (share >= 1) this.course = null;
    return true;
  }

  private come(passedMs: number): boolean {
    const { sight } = this.camera;
    const span = sight.span * Math.exp((-CREEP * passedMs) / 1000);
    this.camera = this.camera.at({ ...sight, span }).within(this.view.bounds);
    return true;
  }
}
