import { Texture } from 'pixi.js';
import { HULL_BOX, HULLS } from '../view/hulls';
import { drawBeam, drawFlame, drawGlint, drawGuns, drawHull, drawRing, fillRadial, type Pen } from './pens';

/** Every picture of the scenes, drawn here in white and tinted where it is used. */
export interface Textures {
  /** A soft round light. */
  readonly glow: Texture;
  /** A small hard light with a soft edge. */
  readonly core: Texture;
  readonly ring: Texture;
  /** Ships, their nose to the east, one for each of `HULLS`. */
  readonly hulls: readonly Texture[];
  readonly guns: Texture;
  readonly flame: Texture;
  /** A line of light from west to east. */
  readonly beam: Texture;
  /** Four arms around a light, for what glimmers. */
  readonly glint: Texture;
}

export function drawTextures(): Textures {
  return {
    glow: drawn(128, 128, (pen) => fillRadial(pen, 64, [1, 0.5, 0.22, 0.085, 0.025, 0])),
    core: drawn(64, 64, (pen) => fillRadial(pen, 32, [1, 1, 0.75, 0.25, 0.06, 0])),
    ring: drawn(256, 256, drawRing),
    hulls: HULLS.map((hull) => drawn(HULL_BOX, HULL_BOX, (pen) => drawHull(pen, hull))),
    guns: drawn(256, 256, drawGuns),
    flame: drawn(256, 64, drawFlame),
    beam: drawn(128, 32, drawBeam),
    glint: drawn(128, 128, drawGlint),
  };
}

function drawn(width: number, height: number, draw: (pen: Pen) => void): Texture {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('this browser draws no 2d canvas');
  draw(pen);
  const texture = Texture.from(canvas);
  // Ships are drawn from 8 to 200 pixels wide: without mipmaps the small ones would flicker.
  texture.source.autoGenerateMipmaps = true;
  texture.source.scaleMode = 'linear';
  return texture;
}
