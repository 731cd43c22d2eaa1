import { Container, Graphics, Sprite } from 'pixi.js';
import type { Textures } from './textures';

/** Pixi divides an arc by its radius in its own unit: drawn in a finer unit it stays round when seen from near. */
const FINE = 64;
/** In cells; each of the four marks reaches so far, in radians, to both sides of its middle. */
const RADIUS = 1.72;
const SPREAD = 0.32;

/** The mark around what is selected or pointed at. */
export class Reticle {
  readonly container = new Container();
  private readonly marks = new Graphics();

  constructor(textures: Textures) {
    const halo = new Sprite({ texture: textures.ring, anchor: 0.5, alpha: 0.18, tint: 0xffffff });
    halo.setSize(3.9);
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const middle = (quarter * Math.PI) / 2 + Math.PI / 4;
      const radius = RADIUS * FINE;
      this.marks.moveTo(Math.cos(middle - SPREAD) * radius, Math.sin(middle - SPREAD) * radius);
      this.marks.arc(0, 0, radius, middle - SPREAD, middle + SPREAD);
    }
    this.marks.stroke({ width: 0.13 * FINE, color: 0xffffff, alpha: 0.95 });
    this.marks.scale.set(1 / FINE);
    this.container.addChild(halo, this.marks);
    this.container.visible = false;
  }

  show(place: { x: number; y: number } | null, size: number, nowMs: number, isStill: boolean): void {
    this.container.visible = place !== null;
    if (place === null) return;
    this.container.position.set(place.x, place.y);
    this.container.scale.set(size);
    this.marks.rotation = isStill ? 0 : nowMs / 2600;
  }
}
