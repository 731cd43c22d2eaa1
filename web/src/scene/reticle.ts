import { Container, Graphics, Sprite } from 'pixi.js';
import type { Textures } from './textures';

/** The mark around what is selected or pointed at. */
export class Reticle {
  readonly container = new Container();
  private readonly marks = new Graphics();

  constructor(textures: Textures) {
    const halo = new Sprite({ texture: textures.ring, anchor: 0.5, alpha: 0.18, tint: 0xffffff });
    halo.setSize(3.9);
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const middle = (quarter * Math.PI) / 2 + Math.PI / 4;
      this.marks.moveTo(Math.cos(middle - 0.32) * 1.72, Math.sin(middle - 0.32) * 1.72);
      this.marks.arc(0, 0, 1.72, middle - 0.32, middle + 0.32);
    }
    this.marks.stroke({ width: 0.13, color: 0xffffff, alpha: 0.95 });
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
