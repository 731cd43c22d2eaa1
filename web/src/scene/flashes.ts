import type { Point } from '../view/camera';
import { Quads } from './quads';

/** How long a flash is seen. */
export const FLASH_MS = 1200;
const NUMBERS = 6;

const VERTEX = `
in vec4 aFlash; // x, y, start in seconds, battles
in vec2 aToll; // deaths, systems
uniform vec4 uLook; // pixels of a star, seconds, calm, most pixels
out vec2 vCorner;
out vec3 vShape; // age, strength, ring
void main() {
  float age = (uLook.y - aFlash.z) / ${(FLASH_MS / 1000).toFixed(1)};
  float deaths = min(aToll.x, 1.0);
  float size = uLook.x * (1.3 + 0.3 * log2(1.0 + aFlash.w) + 1.5 * deaths);
  // What is drawn from afar must not fill the screen from near.
  size = min(size, uLook.w);
  vCorner = aCorner;
  vShape = vec3(age, uColor.a * mix(0.7, 1.0, deaths), deaths * (1.0 - uLook.z));
  bool isSeen = age > 0.0 && age < 1.0;
  gl_Position = isSeen ? toClip(toPixels(aFlash.xy) + aCorner * size) : vec4(2.0, 2.0, 2.0, 1.0);
}`;

const FRAGMENT = `
in vec2 vCorner;
in vec3 vShape;
out vec4 light;
void main() {
  float far = length(vCorner);
  if (far >= 1.0) discard;
  float age = vShape.x;
  float rest = 1.0 - age;
  // It is there at once, and spreads while it fades.
  float rise = smoothstep(0.0, 0.06, age);
  float width = 0.12 + 0.3 * sqrt(age);
  float glow = exp(-far * far / (width * width)) * rise * rest * rest;
  float front = 0.15 + 0.8 * sqrt(age);
  float ring = exp(-pow((far - front) / 0.045, 2.0)) * rest * rest * vShape.z;
  vec3 hot = mix(vec3(1.0, 0.34, 0.16), vec3(1.0, 0.86, 0.62), vShape.z * rest);
  light = vec4((hot * glow * 0.9 + vec3(1.0, 0.45, 0.24) * ring * 0.55) * vShape.y * smoothstep(1.0, 0.8, far), 0.0);
}`;

/** One place where battles were fought in a turn. */
export interface Flash {
  readonly at: Point;
  readonly startMs: number;
  readonly battles: number;
  readonly deaths: number;
  readonly systems: number;
}

/** What is seen of battles from afar: all of them, in one call of the GPU. */
export class Flashes {
  private readonly quads = new Quads(
    { vertex: VERTEX, fragment: FRAGMENT },
    [
      { name: 'aFlash', format: 'float32x4', data: new Float32Array(4) },
      { name: 'aToll', format: 'float32x2', data: new Float32Array(2) },
    ],
    { uLook: { value: new Float32Array([8, 0, 0, 90]), type: 'vec4<f32>' } },
  );
  private living: Flash[] = [];
  private endMs = 0;
  /** Seconds since then are what the GPU counts with: a page that is open for days has too many for it. */
  private epochMs = 0;

  get mesh() {
    this.quads.mesh.blendMode = 'add';
    return this.quads.mesh;
  }

  add(flashes: readonly Flash[], nowMs: number): void {
    this.living = [...this.living.filter(({ startMs }) => startMs + FLASH_MS > nowMs), ...flashes];
    this.endMs = this.living.reduce((end, { startMs }) => Math.max(end, startMs + FLASH_MS), 0);
    this.epochMs = nowMs;
    const place = new Float32Array(this.living.length * 4);
    const toll = new Float32Array(this.living.length * (NUMBERS - 4));
    this.living.forEach(({ at, startMs, battles, deaths, systems }, index) => {
      place.set([at.x, at.y, (startMs - nowMs) / 1000, battles], index * 4);
      toll.set([deaths, systems], index * 2);
    });
    if (this.living.length > 0) this.quads.fill(this.living.length, { aFlash: place, aToll: toll });
    else this.quads.mesh.visible = false;
  }

  clear(): void {
    this.living = [];
    this.endMs = 0;
    this.quads.mesh.visible = false;
  }

  /** One frame; returns whether a flash is seen. */
  advance(nowMs: number, starPixels: number, pixelsMax: number, isCalm: boolean): boolean {
    if (nowMs > this.endMs) {
      if (this.living.length > 0) this.clear();
      return false;
    }
    this.quads.set({ uLook: [starPixels, (nowMs - this.epochMs) / 1000, isCalm ? 1 : 0, pixelsMax] });
    return true;
  }
}
