import { Container, Sprite, Texture, TilingSprite } from 'pixi.js';
import type { Camera } from '../view/camera';

/** The sky behind everything: a faint nebula, and two fields of far stars that move less than the near ones. */
export class Backdrop {
  readonly container = new Container();
  private readonly nebula = new Sprite(nebulaTexture());
  private readonly dust: { sprite: TilingSprite; depth: number }[] = [];

  constructor() {
    this.nebula.anchor.set(0.5);
    this.container.addChild(this.nebula);
    for (const [seed, count, depth] of [
      [3, 170, 0.02],
      [11, 70, 0.05],
    ] as const) {
      const sprite = new TilingSprite({ texture: dustTexture(seed, count), width: 1, height: 1 });
      this.dust.push({ sprite, depth });
      this.container.addChild(sprite);
    }
  }

  place(camera: Camera, width: number, height: number): void {
    // Large enough to cover every corner at any turn of it.
    const size = Math.hypot(width, height) * 1.05;
    this.nebula.position.set(width / 2, height / 2);
    this.nebula.setSize(size, size);
    this.nebula.rotation = camera.sight.x * 0.0004;
    for (const { sprite, depth } of this.dust) {
      sprite.width = width;
      sprite.height = height;
      // The further the flight has come, the larger the sky: the logarithm keeps it from bursting.
      const zoom = 0.55 + depth * 1.2 * Math.log2(700 / camera.sight.span);
      sprite.tileScale.set(zoom);
      sprite.tilePosition.set(
        width / 2 - camera.sight.x * depth * 60 * zoom,
        height / 2 - camera.sight.y * depth * 60 * zoom,
      );
    }
  }
}

const NEBULA_SIZE = 256;

function nebulaTexture(): Texture {
  const canvas = document.createElement('canvas');
  canvas.width = NEBULA_SIZE;
  canvas.height = NEBULA_SIZE;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('this browser draws no 2d canvas');
  const image = pen.createImageData(NEBULA_SIZE, NEBULA_SIZE);
  for (let y = 0; y < NEBULA_SIZE; y += 1) {
    for (let x = 0; x < NEBULA_SIZE; x += 1) {
      const u = x / NEBULA_SIZE;
      const v = y / NEBULA_SIZE;
      const warp = clouds(u * 2.2 + 9, v * 2.2, 4);
      const cloud = clouds(u * 2.6 + warp * 1.8, v * 2.6 + warp * 1.2, 6);
      const light = Math.max(0, cloud - 0.3) ** 1.4 * 1.5;
      // From deep blue over violet to a little warmth, as the clouds thicken.
      const tone = clouds(u * 1.7 + 40, v * 1.7 + 7, 3);
      image.data.set(
        [light * (30 + tone * 120), light * (62 + tone * 20), light * (150 + tone * 30), 255],
        (y * NEBULA_SIZE + x) * 4,
      );
    }
  }
  pen.putImageData(image, 0, 0);
  return Texture.from(canvas);
}

function dustTexture(seed: number, count: number): Texture {
  const canvas = document.createElement('canvas');
  canvas.width = 1024;
  canvas.height = 1024;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('this browser draws no 2d canvas');
  for (let i = 0; i < count; i += 1) {
    pen.fillStyle = `rgba(200,215,255,${0.08 + 0.4 * noise(i, seed + 2) ** 3})`;
    pen.beginPath();
    pen.arc(noise(i, seed) * 1024, noise(i, seed + 1) * 1024, 0.9 + 1.1 * noise(i, seed + 3), 0, Math.PI * 2);
    pen.fill();
  }
  return Texture.from(canvas);
}

/** Smooth noise in octaves, each twice as fine and half as strong; about 0..1. */
function clouds(x: number, y: number, octaves: number): number {
  let sum = 0;
  let weight = 0.5;
  let scale = 1;
  for (let octave = 0; octave < octaves; octave += 1) {
    sum += weight * smoothNoise(x * scale + octave * 17, y * scale);
    weight /= 2;
    scale *= 2;
  }
  return sum;
}

function smoothNoise(x: number, y: number): number {
  const column = Math.floor(x);
  const row = Math.floor(y);
  const fade = (t: number): number => t * t * (3 - 2 * t);
  const u = fade(x - column);
  const v = fade(y - row);
  const mix = (a: number, b: number, t: number): number => a + (b - a) * t;
  return mix(
    mix(noise(column, row), noise(column + 1, row), u),
    mix(noise(column, row + 1), noise(column + 1, row + 1), u),
    v,
  );
}

/** A number 0..1 that looks random and is always the same: the sky does not change with a reload. */
function noise(x: number, y: number): number {
  let hash = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x1_0000_0000;
}
