import { chance, type Star } from '../view/star-field';
import { Quads } from './quads';

/** In crowded places stars are smaller, but not smaller than this share. */
const ROOM_MIN = 0.6;

const VERTEX = `
#define SMALLEST 1.6
in vec4 aStar; // x, y, room, chance
in vec4 aShine; // red, green, blue, light
uniform vec4 uLook; // pixels, seconds, twinkle, light of all
out vec2 vCorner;
out vec3 vColour;
out vec3 vShape; // light, sharpness of the core, strength of the spikes
void main() {
  float light = aShine.a;
  float pixels = uLook.x * aStar.z * (0.8 + 1.5 * light);
  // A star beats slowly, each at its own pace, and hardly.
  float beat = sin(uLook.y * (0.25 + 0.9 * aStar.w) + aStar.w * 117.0);
  float glow = 1.0 + uLook.z * beat * (0.1 + 0.14 * light);
  vCorner = aCorner;
  // What is too small to be drawn in its size is drawn fainter.
  float faint = min(1.0, pixels / SMALLEST);
  vColour = aShine.rgb * glow * uColor.a * uLook.w * faint * faint;
  vShape = vec3(light, pixels, smoothstep(6.0, 20.0, pixels) * smoothstep(0.5, 1.0, light));
  gl_Position = toClip(toPixels(aStar.xy) + aCorner * max(pixels, SMALLEST));
}`;

const FRAGMENT = `
in vec2 vCorner;
in vec3 vColour;
in vec3 vShape;
out vec4 light;
void main() {
  float far = length(vCorner);
  if (far >= 1.0) discard;
  float edge = (1.0 - far) * (1.0 - far);
  float halo = edge * edge * (0.16 + 0.44 * vShape.x);
  // The core is a hard point some pixels wide, however large the halo has grown.
  float width = clamp(0.1 + 0.62 / vShape.y, 0.1, 0.45);
  float core = exp(-far * far / (width * width)) * (0.55 + 0.6 * vShape.x);
  vec2 arms = abs(vCorner);
  float spikes = exp(-min(arms.x, arms.y) * 26.0) * edge * edge * vShape.z * 0.8;
  // Large ones are white in their middle, small ones have their colour there too.
  float heat = (0.2 + 0.6 * vShape.x) * smoothstep(2.0, 9.0, vShape.y);
  vec3 white = mix(vColour, vec3(dot(vColour, vec3(0.34))) + vColour * 0.35, heat);
  light = vec4(vColour * (halo + spikes * 0.7) + white * (core + spikes * 0.3), 0.0);
}`;

/** All stars, in one call of the GPU: nothing is computed for each of them when the camera moves. */
export class StarLight {
  private readonly quads = new Quads(
    { vertex: VERTEX, fragment: FRAGMENT },
    [
      { name: 'aStar', format: 'float32x4', data: new Float32Array(4) },
      { name: 'aShine', format: 'unorm8x4', data: new Uint8Array(4) },
    ],
    { uLook: { value: new Float32Array(4), type: 'vec4<f32>' } },
  );
  private count = 0;

  get mesh() {
    this.quads.mesh.blendMode = 'add';
    return this.quads.mesh;
  }

  /** `room` of each star: its share of an even distance to others. */
  place(stars: readonly Star[], room: (star: Star) => number): void {
    const data = new Float32Array(stars.length * 4);
    stars.forEach((star, index) => {
      data.set(
        [star.at.x, star.at.y, Math.min(Math.max(room(star), ROOM_MIN), 1), chance(star.sid, 3)],
        index * 4,
      );
    });
    this.count = stars.length;
    if (this.count > 0) this.quads.fill(this.count, { aStar: data });
    else this.quads.mesh.visible = false;
  }

  /** Colours and lights in the order of the stars, see `paintStars`. */
  shine(pixels: Uint8Array): void {
    if (this.count > 0) this.quads.fill(this.count, { aShine: pixels });
  }

  /** `pixels`: the size of a star of medium light; `twinkle` and `light` of all of them 0..1. */
  look(pixels: number, seconds: number, twinkle: number, light: number): void {
    this.quads.set({ uLook: [pixels, seconds, twinkle, light] });
  }
}
