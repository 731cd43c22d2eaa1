import type { Point } from '../view/camera';

export interface PointerActions {
  onDrag(dx: number, dy: number): void;
  /** `isHeld`: by two fingers, between which the plane stays. */
  onZoom(factor: number, pixel: Point, isHeld: boolean): void;
  onPress(pixel: Point): void;
  /** Null: the pointer has left. */
  onHover(pixel: Point | null): void;
}

/** A finger trembles: less than this is a press, not a drag. */
const SLACK_PIXELS = 6;
const WHEEL_RATE = 0.0016;
/** Wheels that count in lines or pages. */
const WHEEL_UNITS = [1, 18, 300];

/** Mouse, pen and fingers on the canvas: press, drag, wheel and pinch. */
export class Pointer {
  private readonly held = new Map<number, Point>();
  private pressedAt: Point | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly actions: PointerActions,
  ) {
    host.addEventListener('pointerdown', (event) => this.down(event));
    host.addEventListener('pointermove', (event) => this.move(event));
    host.addEventListener('pointerup', (event) => this.up(event));
    host.addEventListener('pointercancel', (event) => this.drop(event));
    host.addEventListener('pointerleave', () => actions.onHover(null));
    host.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.host.setPointerCapture(event.pointerId);
    this.held.set(event.pointerId, pixelOf(event));
    // A second finger makes it a pinch: no press comes of it.
    this.pressedAt = this.held.size === 1 ? pixelOf(event) : null;
  }

  private move(event: PointerEvent): void {
    const before = this.held.get(event.pointerId);
    const now = pixelOf(event);
    if (before === undefined) {
      this.actions.onHover(now);
      return;
    }
    if (this.pressedAt !== null && distance(this.pressedAt, now) < SLACK_PIXELS) return;
    this.pressedAt = null;
    this.actions.onHover(null);
    const other = [...this.held].find(([id]) => id !== event.pointerId)?.[1];
    this.held.set(event.pointerId, now);
    if (other === undefined) {
      this.actions.onDrag(now.x - before.x, now.y - before.y);
      return;
    }
    // Each of two fingers moves the middle by half its way, and the zoom by the change of their distance.
    this.actions.onDrag((now.x - before.x) / 2, (now.y - before.y) / 2);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.actions.onZoom(distance(now, other) / Math.max(1, distance(before, other)), middle, true);
  }

  private up(event: PointerEvent): void {
    const pressedAt = this.pressedAt;
    this.drop(event);
    if (pressedAt !== null && event.button === 0) this.actions.onPress(pressedAt);
  }

  private drop(event: PointerEvent): void {
    this.held.delete(event.pointerId);
    this.pressedAt = null;
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const pixels = event.deltaY * (WHEEL_UNITS[event.deltaMode] ?? 1);
    // A pinch on a touchpad comes as a wheel with Ctrl, in much smaller steps.
    this.actions.onZoom(Math.exp(-pixels * WHEEL_RATE * (event.ctrlKey ? 6 : 1)), pixelOf(event), false);
  }
}

function pixelOf(event: MouseEvent): Point {
  return { x: event.clientX, y: event.clientY };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
