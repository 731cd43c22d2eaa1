import { Container, Sprite, Texture } from 'pixi.js';
import type { Point } from '../view/camera';
import { toCss } from '../view/colour';
import { placed, type Wish } from '../view/labels';

/** A name on the map. */
export interface Label {
  readonly key: string;
  readonly text: string;
  /** In cells of the map. */
  readonly at: Point;
  readonly colour: number;
  readonly weight: number;
  /** Beside what it names, so many pixels away; null: in the middle of it. */
  readonly aside: number | null;
}

/** Where labels may be, in pixels. */
export interface LabelFrame {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Each at the size that the interface has up to 1920 pixels; see `magnify`. */
const HEIGHT = 18;
const MARGIN = 3;
const FONT_PIXELS = 13.5;
const SHARP = 2;
const FADE_MS = 260;
/** Which labels are shown is decided so often; between, they move with what they name. */
const PLACE_MS = 180;

interface Shown {
  label: Label;
  readonly sprite: Sprite;
  readonly width: number;
  alpha: number;
}

/** Names that never overlap: the ones that matter most, each fading in and out. */
export class Labels {
  readonly container = new Container();
  private readonly shown = new Map<string, Shown>();
  private readonly widths = new Map<string, number>();
  private readonly pen: CanvasRenderingContext2D;
  private wanted: ReadonlySet<string> = new Set();
  private sincePlacedMs = Number.POSITIVE_INFINITY;
  private scale = 1;

  constructor() {
    this.pen = penOf(document.createElement('canvas'));
  }

  /** Letters are so many times as large as usual, as those of the panels are in a large window. */
  magnify(scale: number): void {
    if (scale === this.scale) return;
    this.scale = scale;
    this.widths.clear();
    for (const { sprite } of this.shown.values()) sprite.destroy({ texture: true, textureSource: true });
    this.shown.clear();
    this.sincePlacedMs = Number.POSITIVE_INFINITY;
  }

  /** One frame; `labels` are asked for only when it is to be decided again. Returns whether the picture has changed. */
  advance(
    labels: () => readonly Label[],
    toScreen: (point: Point) => Point,
    frame: LabelFrame,
    labelsMax: number,
    passedMs: number,
    isCalm: boolean,
  ): boolean {
    this.sincePlacedMs += passedMs;
    if (this.sincePlacedMs >= PLACE_MS) {
      this.sincePlacedMs = 0;
      this.decide(labels(), toScreen, frame, labelsMax);
    }
    let hasChanged = false;
    for (const [key, each] of this.shown) {
      const goal = this.wanted.has(key) ? 1 : 0;
      if (each.alpha !== goal) {
        const step = isCalm ? 1 : passedMs / FADE_MS;
        each.alpha =
          goal > each.alpha ? Math.min(goal, each.alpha + step) : Math.max(goal, each.alpha - step);
        hasChanged = true;
      }
      if (each.alpha === 0 && goal === 0) {
        this.shown.delete(key);
        each.sprite.destroy({ texture: true, textureSource: true });
        continue;
      }
      const { x, y } = place(each.label, each.width, toScreen);
      // On whole pixels letters are sharp.
      each.sprite.position.set(Math.round(x), Math.round(y - this.height / 2));
      each.sprite.alpha = each.alpha;
    }
    return hasChanged;
  }

  private decide(
    labels: readonly Label[],
    toScreen: (point: Point) => Point,
    frame: LabelFrame,
    labelsMax: number,
  ): void {
    const wishes: Wish[] = labels.map((label) => {
      const width = this.widthOf(label.text);
      return {
        key: keyOf(label),
        ...place(label, width, toScreen),
        width,
        height: this.height,
        weight: label.weight,
      };
    });
    this.wanted = placed(wishes, frame, labelsMax, this.wanted);
    for (const label of labels) {
      const key = keyOf(label);
      const known = this.shown.get(key);
      if (known !== undefined) known.label = label;
      else if (this.wanted.has(key)) this.show(key, label);
    }
  }

  private get height(): number {
    return HEIGHT * this.scale;
  }

  private show(key: string, label: Label): void {
    const width = this.widthOf(label.text);
    const canvas = document.createElement('canvas');
    canvas.width = Math.ceil((width + 2) * SHARP);
    canvas.height = Math.ceil(this.height * SHARP);
    const pen = penOf(canvas);
    pen.scale(SHARP * this.scale, SHARP * this.scale);
    pen.font = FONT;
    pen.textBaseline = 'middle';
    // A dark rim keeps letters legible over stars.
    pen.strokeStyle = 'rgba(3, 5, 11, 0.85)';
    pen.lineWidth = 3;
    pen.lineJoin = 'round';
    pen.strokeText(label.text, 1, HEIGHT / 2);
    pen.fillStyle = toCss(label.colour);
    pen.fillText(label.text, 1, HEIGHT / 2);
    const sprite = new Sprite(Texture.from(canvas, true));
    sprite.scale.set(1 / SHARP);
    sprite.alpha = 0;
    this.container.addChild(sprite);
    this.shown.set(key, { label, sprite, width, alpha: 0 });
  }

  private widthOf(text: string): number {
    const known = this.widths.get(text);
    if (known !== undefined) return known;
    // Names of fifty thousand systems are not kept for ever.
    if (this.widths.size > 2000) this.widths.clear();
    this.pen.font = FONT;
    const width = (this.pen.measureText(text).width + MARGIN) * this.scale;
    this.widths.set(text, width);
    return width;
  }
}

const FONT = `500 ${FONT_PIXELS}px Jost, Futura, "Century Gothic", system-ui, sans-serif`;

/** A name in another colour is another label. */
function keyOf({ key, colour }: Label): string {
  return `${key} ${colour}`;
}

function place(label: Label, width: number, toScreen: (point: Point) => Point): Point {
  const { x, y } = toScreen(label.at);
  return label.aside === null ? { x: x - width / 2, y } : { x: x + label.aside, y };
}

function penOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('this browser draws no 2d canvas');
  return pen;
}
