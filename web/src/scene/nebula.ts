import { BufferImageSource, RenderTexture, Sprite, type TextureSource } from 'pixi.js';
import type { Camera } from '../view/camera';
import { FIELD_FROM, FIELD_SIDE, FIELD_SPAN, type Field } from '../view/field';
import { cloudPixels } from '../view/noise';
import { Quads } from './quads';
import type { Draw } from './stage';

const CLOUD_SIDE = 256;
/** Clouds are soft: they are drawn with one pixel for so many of the screen's. */
const COARSE = 3;
/** From one field to the next. */
const CHANGE_MS = 1600;

const VERTEX = `
uniform vec4 uView;
out vec2 vPixel;
void main() {
  vPixel = (aCorner * 0.5 + 0.5) * uView.xy;
  gl_Position = toClip((aCorner * 0.5 + 0.5) * uView.xy / ${COARSE.toFixed(1)});
}`;

const FRAGMENT = `
in vec2 vPixel;
out vec4 light;
uniform sampler2D uClouds;
uniform sampler2D uBefore;
uniform sampler2D uAfter;
uniform vec4 uCamera; // the origin in pixels, pixels per cell, span
uniform vec4 uView; // width, height, seconds, share of the field after
uniform vec4 uTone; // strength, cloudiness, the middle of the sight

float clouds(vec2 at) {
  return 0.53 * texture(uClouds, at).r + 0.27 * texture(uClouds, at * 2.03 + 0.31).g
    + 0.13 * texture(uClouds, at * 4.11 + 0.73).r + 0.07 * texture(uClouds, at * 8.3 + 0.19).g;
}

// Bicubic from four bilinear samples: C. Sigg, M. Hadwiger, Fast third-order texture filtering, GPU Gems 2, 2005.
vec3 smoothed(sampler2D field, vec2 at) {
  vec2 texel = at * ${FIELD_SIDE.toFixed(1)} - 0.5;
  vec2 part = fract(texel);
  vec2 base = texel - part;
  vec2 w0 = (1.0 - part) * (1.0 - part) * (1.0 - part) / 6.0;
  vec2 w1 = (4.0 - 6.0 * part * part + 3.0 * part * part * part) / 6.0;
  vec2 w3 = part * part * part / 6.0;
  vec2 w2 = 1.0 - w0 - w1 - w3;
  vec2 low = w0 + w1;
  vec2 high = w2 + w3;
  vec2 near = (base + w1 / low - 0.5) / ${FIELD_SIDE.toFixed(1)};
  vec2 beyond = (base + w3 / high + 1.5) / ${FIELD_SIDE.toFixed(1)};
  vec3 root = (texture(field, near).rgb * low.x + texture(field, vec2(beyond.x, near.y)).rgb * high.x) * low.y
    + (texture(field, vec2(near.x, beyond.y)).rgb * low.x + texture(field, beyond).rgb * high.x) * high.y;
  return root * root;
}

void main() {
  vec2 cell = (vPixel - uCamera.xy) / uCamera.z;
  float seconds = uView.z;
  // Far behind the stars, and so hardly moved by the camera.
  vec2 far = (vPixel - 0.5 * uView.xy) / max(uView.x, uView.y) * (0.62 + 0.02 * log2(uCamera.w)) + uTone.zw * 0.00035;
  float veil = clouds(far + 0.06 * texture(uClouds, far * 0.7 + seconds * 0.0004).rg);
  vec3 sky = vec3(0.00022, 0.00034, 0.0012) + vec3(0.0026, 0.0028, 0.0115) * smoothstep(0.36, 0.88, veil)
    + vec3(0.0052, 0.0009, 0.0046) * smoothstep(0.6, 0.95, veil);

  vec2 drift = seconds * vec2(0.0006, -0.0004);
  vec2 warp = (texture(uClouds, cell / 330.0 + drift).rg - 0.5) * 46.0
    + (texture(uClouds, cell / 104.0 - drift * 1.7).gr - 0.5) * 15.0;
  float puff = clouds(cell / 250.0 + warp * 0.0022 - drift * 0.6);
  vec2 at = (cell + warp * uTone.y - ${FIELD_FROM.toFixed(1)}) / ${FIELD_SPAN.toFixed(1)};
  vec3 field = uView.w < 1.0
    ? mix(smoothed(uBefore, at), smoothed(uAfter, at), uView.w)
    : smoothed(uAfter, at);
  float body = mix(1.0, 0.16 + 1.7 * smoothstep(0.3, 0.82, puff), uTone.y);
  vec3 sum = sky + field * body * uTone.x;
  // From light to what the screen takes; a grain hides the steps of eight bits.
  vec3 shown = pow(sum, vec3(1.0 / 2.2));
  float grain = fract(sin(dot(vPixel, vec2(12.9898, 78.233))) * 43758.5453) - 0.5;
  light = vec4(shown + grain / 200.0, 1.0);
}`;

/** The deep sky and, in it, what lies over many systems: territories as nebulae, or one figure as a heat. */
export class Nebula {
  readonly sprite: Sprite;
  private readonly target = RenderTexture.create({ width: 4, height: 4, antialias: false });
  private readonly fields = [emptyField(), emptyField()] as const;
  private readonly quads: Quads;
  private front = 0;
  private changedMs = Number.NEGATIVE_INFINITY;
  private cloudiness = 1;
  private isStale = true;

  constructor() {
    this.quads = new Quads(
      { vertex: VERTEX, fragment: FRAGMENT },
      [],
      {
        uCamera: { value: new Float32Array(4), type: 'vec4<f32>' },
        uView: { value: new Float32Array(4), type: 'vec4<f32>' },
        uTone: { value: new Float32Array(4), type: 'vec4<f32>' },
      },
      {
        uClouds: source(cloudPixels(CLOUD_SIDE), CLOUD_SIDE, 'repeat'),
        uBefore: this.fields[1],
        uAfter: this.fields[0],
      },
    );
    this.target.source.scaleMode = 'linear';
    this.sprite = new Sprite(this.target);
  }

  /** The next field comes over the one that is shown. `cloudiness`: 1 for nebulae, 0 for figures. */
  show(field: Field, cloudiness: number, nowMs: number, isAtOnce: boolean): void {
    this.front = 1 - this.front;
    const next = this.fields[this.front];
    if (next === undefined) return;
    (next.resource as Uint8Array).set(field.pixels);
    next.update();
    this.quads.bind('uAfter', next);
    this.quads.bind('uBefore', this.fields[1 - this.front]);
    this.cloudiness = cloudiness;
    this.changedMs = isAtOnce ? Number.NEGATIVE_INFINITY : nowMs;
    this.isStale = true;
  }

  get isChanging(): boolean {
    return this.isStale;
  }

  /** Draws into its own texture; only to be called when the picture is drawn. `strength`: how much of the field is seen. */
  render(
    draw: Draw,
    camera: Camera,
    width: number,
    height: number,
    strength: number,
    nowMs: number,
    seconds: number,
  ): void {
    const { x, y } = camera.origin;
    const share = Math.min(1, (nowMs - this.changedMs) / CHANGE_MS);
    this.isStale = share < 1;
    this.quads.set({
      uCamera: [x, y, camera.pixelsPerUnit, camera.sight.span],
      uView: [width, height, seconds, share],
      uTone: [strength, this.cloudiness, camera.sight.x, camera.sight.y],
    });
    const coarse = [Math.ceil(width / COARSE), Math.ceil(height / COARSE)] as const;
    if (this.target.width !== coarse[0] || this.target.height !== coarse[1]) this.target.resize(...coarse);
    draw(this.quads.mesh, this.target);
    this.sprite.setSize(width, height);
  }
}

function emptyField(): TextureSource {
  return source(new Uint8Array(FIELD_SIDE ** 2 * 4), FIELD_SIDE, 'clamp-to-edge');
}

function source(pixels: Uint8Array, side: number, address: 'repeat' | 'clamp-to-edge'): TextureSource {
  return new BufferImageSource({
    resource: pixels,
    width: side,
    height: side,
    format: 'rgba8unorm',
    scaleMode: 'linear',
    addressMode: address,
    autoGarbageCollect: false,
  });
}
