import { BufferImageSource, Rectangle, Texture } from 'pixi.js';
import { HULL_BOX, HULLS } from '../view/hulls';
import { drawBeam, drawFlame, drawGlint, drawGuns, drawHull, drawRing, fillRadial, type Pen } from './pens';

/**
 * Every picture of a system in one texture, so that all of it can be drawn at once. Colours are premultiplied by alpha. What
 * shines has an alpha of 0: under the blending of premultiplied colours, source + (1 - alpha) * destination, it is added to
 * what lies under it, while what is solid covers it. So light and hulls need no change of the blend mode between them.
 */
export interface Atlas {
  /** A soft round light. */
  readonly glow: Texture;
  /** A small hard light with a soft edge. */
  readonly core: Texture;
  readonly ring: Texture;
  /** A round face of even light. */
  readonly disc: Texture;
  readonly flame: Texture;
  /** A line of light from west to east, soft at both sides. */
  readonly beam: Texture;
  /** The same, hard: for lines that are a pixel or two wide. */
  readonly line: Texture;
  /** The head of an arrow to the east, of light. */
  readonly head: Texture;
  readonly glint: Texture;
  readonly guns: Texture;
  /** Ships, their nose to the east, one for each of `HULLS`; and the left and the right half of each. */
  readonly hulls: readonly { readonly whole: Texture; readonly halves: readonly [Texture, Texture] }[];
}

interface Drawing {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly isLight: boolean;
  readonly draw: (pen: Pen) => void;
}

const SIDE = 1024;
/** Between pictures, so that none shines into another where both are drawn small. */
const MARGIN = 8;

export function drawAtlas(): Atlas {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  if (pen === null) throw new Error('this browser draws no 2d canvas');
  const pixels = new Uint8Array(SIDE * SIDE * 4);
  const boxes = new Map<string, Rectangle>();
  for (const { drawing, x, y } of shelved(drawings())) {
    pen.save();
    pen.translate(x, y);
    drawing.draw(pen);
    pen.restore();
    const { width, height } = drawing;
    copy(pen.getImageData(x, y, width, height), pixels, x, y, drawing.isLight);
    boxes.set(drawing.name, new Rectangle(x, y, width, height));
  }
  const source = new BufferImageSource({
    resource: pixels,
    width: SIDE,
    height: SIDE,
    format: 'rgba8unorm',
    alphaMode: 'premultiplied-alpha',
    autoGenerateMipmaps: true,
    scaleMode: 'linear',
  });
  const cut = (name: string, part?: (box: Rectangle) => Rectangle): Texture => {
    const box = boxes.get(name);
    if (box === undefined) throw new Error(`the atlas has no picture ${name}`);
    return new Texture({ source, frame: part === undefined ? box : part(box) });
  };
  const half = (row: number) => (box: Rectangle) =>
    new Rectangle(box.x, box.y + (row * box.height) / 2, box.width, box.height / 2);
  return {
    glow: cut('glow'),
    core: cut('core'),
    ring: cut('ring'),
    disc: cut('disc'),
    flame: cut('flame'),
    beam: cut('beam'),
    line: cut('line'),
    head: cut('head'),
    glint: cut('glint'),
    guns: cut('guns'),
    hulls: HULLS.map((_, shape) => {
      const name = `hull ${shape}`;
      return { whole: cut(name), halves: [cut(name, half(0)), cut(name, half(1))] };
    }),
  };
}

function drawings(): Drawing[] {
  const light = (name: string, width: number, height: number, draw: (pen: Pen) => void): Drawing => ({
    name,
    width,
    height,
    draw,
    isLight: true,
  });
  return [
    ...HULLS.map((hull, shape) => ({
      name: `hull ${shape}`,
      width: HULL_BOX,
      height: HULL_BOX,
      isLight: false,
      draw: (pen: Pen) => drawHull(pen, hull),
    })),
    { name: 'guns', width: 256, height: 256, isLight: false, draw: drawGuns },
    light('ring', 256, 256, drawRing),
    light('disc', 256, 256, drawDisc),
    light('glow', 128, 128, (pen) => fillRadial(pen, 64, [1, 0.5, 0.22, 0.085, 0.025, 0])),
    light('glint', 128, 128, drawGlint),
    light('core', 64, 64, (pen) => fillRadial(pen, 32, [1, 1, 0.75, 0.25, 0.06, 0])),
    light('flame', 256, 64, drawFlame),
    light('head', 64, 64, drawHead),
    light('beam', 128, 32, drawBeam),
    light('line', 32, 32, (pen) => {
      pen.fillStyle = '#fff';
      pen.fillRect(0, 0, 32, 32);
    }),
  ];
}

function drawDisc(pen: Pen): void {
  pen.fillStyle = '#fff';
  pen.beginPath();
  pen.arc(128, 128, 127, 0, Math.PI * 2);
  pen.fill();
}

function drawHead(pen: Pen): void {
  pen.fillStyle = '#fff';
  pen.beginPath();
  pen.moveTo(60, 32);
  pen.lineTo(6, 58);
  pen.lineTo(18, 32);
  pen.lineTo(6, 6);
  pen.fill();
}

/** Places pictures in rows, from left to right; those of one height should follow each other. */
function shelved(list: readonly Drawing[]): { drawing: Drawing; x: number; y: number }[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return list.map((drawing) => {
    if (x + drawing.width > SIDE) {
      x = 0;
      y += rowHeight + MARGIN;
      rowHeight = 0;
    }
    const place = { drawing, x, y };
    x += drawing.width + MARGIN;
    rowHeight = Math.max(rowHeight, drawing.height);
    return place;
  });
}

/** From a canvas, whose colours are not premultiplied when they are read, into the pixels of the texture. */
function copy(from: ImageData, into: Uint8Array, left: number, top: number, isLight: boolean): void {
  const { data, width, height } = from;
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const source = (row * width + column) * 4;
      const target = ((top + row) * SIDE + left + column) * 4;
      const alpha = data[source + 3] ?? 0;
      for (let channel = 0; channel < 3; channel += 1) {
        into[target + channel] = Math.round(((data[source + channel] ?? 0) * alpha) / 255);
      }
      into[target + 3] = isLight ? 0 : alpha;
    }
  }
}
