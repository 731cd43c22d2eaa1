import { Particle, ParticleContainer, type Texture } from 'pixi.js';
import type { Atlas } from './atlas';

/**
 * Draws the whole picture in every frame, from the back to the front: all pictures are of one texture, so the frame is one draw
 * call, however much there is to see. Lengths are in the unit of `container`, angles in radians.
 */
export class Brush {
  readonly container: ParticleContainer;
  private readonly idle: Particle[] = [];
  private used = 0;

  constructor(readonly atlas: Atlas) {
    const dynamicProperties = { position: true, vertex: true, rotation: true, color: true, uvs: true };
    this.container = new ParticleContainer({ texture: atlas.core, dynamicProperties });
  }

  /** Wipes what was drawn. */
  begin(): void {
    this.used = 0;
  }

  /** What is not drawn since `begin` is seen no more. */
  end(): void {
    const { particleChildren } = this.container;
    while (particleChildren.length > this.used) {
      const particle = particleChildren.pop();
      if (particle instanceof Particle) this.idle.push(particle);
    }
  }

  /** The middle of the picture is at (x, y). */
  draw(
    picture: Texture,
    x: number,
    y: number,
    width: number,
    height: number,
    rotation: number,
    colour: number,
    alpha: number,
  ): void {
    if (alpha <= 0.004) return;
    const { particleChildren } = this.container;
    let particle = particleChildren[this.used];
    if (particle === undefined) {
      particle = this.idle.pop() ?? new Particle({ texture: picture, anchorX: 0.5, anchorY: 0.5 });
      particleChildren.push(particle);
    }
    this.used += 1;
    particle.texture = picture;
    particle.x = x;
    particle.y = y;
    particle.scaleX = width / picture.orig.width;
    particle.scaleY = height / picture.orig.height;
    particle.rotation = rotation;
    particle.color = packed(colour, alpha);
  }

  /** A round picture: a light, a ring. */
  dot(picture: Texture, x: number, y: number, size: number, colour: number, alpha: number): void {
    this.draw(picture, x, y, size, size, 0, colour, alpha);
  }

  line(
    fromX: number,
    fromY: number,
    toX: number,
    toY: number,
    width: number,
    colour: number,
    alpha: number,
    picture: Texture = this.atlas.line,
  ): void {
    const dx = toX - fromX;
    const dy = toY - fromY;
    const angle = Math.atan2(dy, dx);
    this.draw(picture, (fromX + toX) / 2, (fromY + toY) / 2, Math.hypot(dx, dy), width, angle, colour, alpha);
  }

  /** A part of a circle, of `steps` straight lines; with `isDashed` every other one is left out. */
  arc(
    x: number,
    y: number,
    radius: number,
    start: number,
    end: number,
    width: number,
    colour: number,
    alpha: number,
    steps: number,
    isDashed = false,
  ): void {
    const step = (end - start) / steps;
    // Each a little longer than its share: between two there is no gap.
    const length = 2 * radius * Math.sin(Math.abs(step) / 2) * (isDashed ? 1 : 1.04);
    for (let i = 0; i < steps; i += isDashed ? 2 : 1) {
      const angle = start + step * (i + 0.5);
      this.draw(
        this.atlas.line,
        x + Math.cos(angle) * radius,
        y + Math.sin(angle) * radius,
        length,
        width,
        angle + Math.PI / 2,
        colour,
        alpha,
      );
    }
  }
}

/** As the GPU takes it, 0xAABBGGRR. */
function packed(colour: number, alpha: number): number {
  const bgr = ((colour & 0xff) << 16) | (colour & 0xff00) | (colour >> 16);
  return ((Math.round(Math.min(alpha, 1) * 255) << 24) | bgr) >>> 0;
}
