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
  const density = new Float32Array(NEBULA_SIZE ** 2);
  for (let at = 0; at < density.length; at += 1) {
    const u = (at % NEBULA_SIZE) / NEBULA_SIZE;
    const v = Math.floor(at / NEBULA_SIZE) / NEBULA_SIZE;
    const warp = clouds(u * 2 + 9, v * 2, 3);
    density[at] = clouds(u * 2.4 + warp * 1.5, v * 2.4 - warp * 1.1, 6);
  }
  const thinnest = density.reduce((a, b) => Math.min(a, b));
  const densest = density.reduce((a, b) => Math.max(a, b));
  density.forEach((value, at) => {
    const light = ((value - thinnest) / (densest - thinnest)) ** 2.2;
    // From deep blue where it is thin to violet where the clouds thicken.
    const warmth = light ** 1.5;
    image.data.set(
      [light * 26 + warmth * 44, light * 34 + warmth * 10, light * 84 + warmth * 38, 255],
      at * 4,
    );
  });
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
    // Each octave is turned against the others, or the grid of the noise would show as straight edges.
    const turn = 0.6 + octave * 0.9;
    const u = x * Math.cos(turn) - y * Math.sin(turn);
    const v = x * Math.sin(turn) + y * Math.cos(turn);
    sum += weight * smoothNoise(u * scale + octave * 17, v * scale + octave * 31);
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
