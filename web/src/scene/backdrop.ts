import { Container, Texture, TilingSprite } from 'pixi.js';
import type { Camera } from '../view/camera';
import { noise } from '../view/noise';

/** How far each field of far stars drifts by itself, in pixels a second. */
const DRIFT = 1.1;

/** Far stars between the deep sky and the map: two fields that move less than the near ones, and drift. */
export class Backdrop {
  readonly container = new Container();
  private readonly dust: { sprite: TilingSprite; depth: number }[] = [];

  constructor() {
    for (const [seed, count, depth] of [
      [3, 170, 0.02],
      [11, 70, 0.05],
    ] as const) {
      const sprite = new TilingSprite({ texture: dustTexture(seed, count), width: 1, height: 1 });
      this.dust.push({ sprite, depth });
      this.container.addChild(sprite);
    }
  }

  /** `seconds` of the slow life; they stand still with it. */
  place(camera: Camera, width: number, height: number, seconds: number): void {
    for (const { sprite, depth } of this.dust) {
      sprite.width = width;
      sprite.height = height;
      // The further the flight has come, the larger the sky: the logarithm keeps it from bursting.
      const zoom = 0.55 + depth * 1.2 * Math.log2(700 / camera.sight.span);
      sprite.tileScale.set(zoom);
      sprite.tilePosition.set(
        width / 2 - camera.sight.x * depth * 60 * zoom + seconds * DRIFT * depth * 20,
        height / 2 - camera.sight.y * depth * 60 * zoom,
      );
    }
  }
}

const TILE = 1024;

function dustTexture(seed: number, count: number): Texture {
  const canvas = document.createElement('canvas');
  canvas.width = TILE;
  canvas.height = TILE;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('this browser draws no 2d canvas');
  for (let i = 0; i < count; i += 1) {
    pen.fillStyle = `rgba(200,215,255,${0.08 + 0.4 * noise(i, seed + 2) ** 3})`;
    pen.beginPath();
    pen.arc(noise(i, seed) * TILE, noise(i, seed + 1) * TILE, 0.9 + 1.1 * noise(i, seed + 3), 0, Math.PI * 2);
    pen.fill();
  }
  return Texture.from(canvas);
}
