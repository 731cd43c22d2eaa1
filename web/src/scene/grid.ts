import { Container, Graphics } from 'pixi.js';

const CELLS = 100;
const MAJOR = 10;
const LINE = 0x8fb2ff;

/** The 100 x 100 cells, drawn so faintly that they order the picture and no more. */
export class Grid {
  readonly container = new Container();
  private readonly minor = new Graphics();
  private readonly major = new Graphics();
  private readonly frame = new Graphics();

  constructor() {
    // Lines one pixel wide at every zoom.
    for (let at = 0; at <= CELLS; at += 1) {
      const lines = at % MAJOR === 0 ? this.major : this.minor;
      lines.moveTo(at, 0).lineTo(at, CELLS).moveTo(0, at).lineTo(CELLS, at);
    }
    this.minor.stroke({ pixelLine: true, color: LINE, alpha: 1 });
    this.major.stroke({ pixelLine: true, color: LINE, alpha: 0.085 });
    this.frame.rect(0, 0, CELLS, CELLS).stroke({ pixelLine: true, color: LINE, alpha: 0.3 });
    for (const [x, y] of [
      [0, 0],
      [CELLS, 0],
      [0, CELLS],
      [CELLS, CELLS],
    ] as const) {
      const inward = (edge: number): number => (edge === 0 ? 3 : -3);
      this.frame
        .moveTo(x + inward(x), y)
        .lineTo(x, y)
        .lineTo(x, y + inward(y));
    }
    this.frame.stroke({ pixelLine: true, color: LINE, alpha: 0.9 });
    this.container.addChild(this.minor, this.major, this.frame);
  }

  show(scale: number): void {
    // Single cells are drawn only where there is room between their lines.
    this.minor.alpha = 0.055 * Math.min(Math.max((scale - 5) / 10, 0), 1);
    this.minor.visible = this.minor.alpha > 0;
  }
}
