import { currentsOf, neighbours, type Pair, type Power } from '../view/currents';
import type { StarField } from '../view/star-field';
import { Quads } from './quads';

const VERTEX = `
in vec4 aEnds; // from x, y to x, y
in vec4 aShine; // red, green, blue, strength
uniform vec4 uLook; // seconds, strength of all
out vec2 vAlong;
out vec4 vShine;
out float vLength;
void main() {
  vec2 from = toPixels(aEnds.xy);
  vec2 to = toPixels(aEnds.zw);
  vec2 way = to - from;
  vLength = max(length(way), 0.001);
  vec2 side = vec2(-way.y, way.x) / vLength;
  vAlong = vec2(aCorner.x * 0.5 + 0.5, aCorner.y);
  vShine = aShine;
  gl_Position = toClip(from + way * vAlong.x + side * aCorner.y * 2.6);
}`;

const FRAGMENT = `
in vec2 vAlong;
in vec4 vShine;
in float vLength;
uniform vec4 uLook;
uniform vec4 uColor;
out vec4 light;
void main() {
  // A thread, thinner at its ends, and lights that run along it.
  float ends = smoothstep(0.0, 0.12, vAlong.x) * smoothstep(1.0, 0.88, vAlong.x);
  float thread = exp(-vAlong.y * vAlong.y * 9.0) * 0.11;
  float phase = fract(vAlong.x * vLength / 150.0 - uLook.x * 0.11 + vShine.r * 3.7 + vLength * 0.013);
  float run = exp(-pow((phase - 0.5) * 13.0, 2.0)) * exp(-vAlong.y * vAlong.y * 3.0) * 0.4 * vShine.a;
  light = vec4(vShine.rgb * (thread + run) * ends * uLook.y * uColor.a, 0.0);
}`;

/** How long the search for neighbours may take in one frame. */
const SEARCH_MS = 1;

/** Threads between neighbouring systems of one strategy: light runs along them from the richer to the poorer. */
export class Currents {
  private readonly quads = new Quads(
    { vertex: VERTEX, fragment: FRAGMENT },
    [
      { name: 'aEnds', format: 'float32x4', data: new Float32Array(4) },
      { name: 'aShine', format: 'unorm8x4', data: new Uint8Array(4) },
    ],
    { uLook: { value: new Float32Array(4), type: 'vec4<f32>' } },
  );
  private field: StarField | null = null;
  private search: Iterator<void, Pair[]> | null = null;
  private pairs: readonly Pair[] = [];
  private powers: ReadonlyMap<number, Power> = new Map();
  private isStale = false;
  private count = 0;

  constructor(private readonly colourOf: (strategy: string) => number) {}

  get mesh() {
    this.quads.mesh.blendMode = 'add';
    return this.quads.mesh;
  }

  place(field: StarField): void {
    this.field = field;
    this.pairs = [];
    this.search = neighbours(field);
    this.isStale = true;
  }

  power(powers: ReadonlyMap<number, Power>): void {
    this.powers = powers;
    this.isStale = true;
  }

  /** One frame; with a strength of 0 nothing is drawn, and neighbours are not looked for. */
  advance(seconds: number, strength: number): void {
    this.quads.mesh.visible = strength > 0 && this.count > 0;
    if (strength === 0) return;
    const untilMs = performance.now() + SEARCH_MS;
    while (this.search !== null && performance.now() < untilMs) {
      const step = this.search.next();
      if (step.done !== true) continue;
      this.pairs = step.value;
      this.search = null;
      this.isStale = true;
    }
    if (this.isStale) this.fill();
    this.quads.set({ uLook: [seconds, strength, 0, 0] });
  }

  private fill(): void {
    this.isStale = false;
    const { ends, shine, count } = currentsOf(
      this.pairs,
      this.field?.stars ?? [],
      this.powers,
      this.colourOf,
    );
    this.count = count;
    if (count > 0) this.quads.fill(count, { aEnds: ends, aShine: shine });
  }
}
