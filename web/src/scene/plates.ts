import type { Frame, Point } from '../view/camera';
import { placed } from '../view/labels';

/** A label under something that is drawn. */
export interface Plate {
  readonly id: number;
  readonly text: string;
  /** The middle of its upper edge, in pixels of the window. */
  readonly at: Point;
  readonly isSelected: boolean;
  readonly colour: string;
  /** How many pips stand before the text. */
  readonly grade: number;
}

/** For one label there is so much of the sky, in pixels. */
const PLATE_AREA = 30_000;

/** Labels as text of the page: sharp at every resolution, in its own font, and read by who cannot see. */
export class Plates {
  private readonly boxes = new Map<number, HTMLElement>();
  private shown: ReadonlySet<string> = new Set();

  constructor(private readonly host: HTMLElement) {}

  /**
   * No two that are shown overlap: the selected one comes first, then those of a higher grade. Only the selected one may leave
   * `frame`.
   */
  show(plates: readonly Plate[], frame: Frame): void {
    const unseen = new Set(this.boxes.keys());
    for (const plate of plates) {
      unseen.delete(plate.id);
      const box = this.boxOf(plate.id);
      if (box.textContent !== plate.text) box.textContent = plate.text;
      box.classList.toggle('is-selected', plate.isSelected);
      box.style.setProperty('--accent', plate.colour);
      box.style.setProperty('--grade', String(plate.grade));
      box.style.transform = `translate(${plate.at.x.toFixed(1)}px, ${plate.at.y.toFixed(1)}px) translateX(-50%)`;
    }
    for (const id of unseen) {
      this.boxes.get(id)?.remove();
      this.boxes.delete(id);
    }
    this.shown = this.choose(plates, frame);
    for (const { id } of plates) this.boxOf(id).classList.toggle('is-crowded', !this.shown.has(String(id)));
  }

  private choose(plates: readonly Plate[], { left, top, width, height }: Frame): Set<string> {
    if (plates.length === 0) return new Set();
    const wishes = plates.map(({ id, at, isSelected, grade }) => {
      const box = this.boxOf(id);
      const size = { width: box.offsetWidth, height: box.offsetHeight };
      return {
        key: String(id),
        x: at.x - size.width / 2,
        y: at.y + size.height / 2,
        ...size,
        weight: isSelected ? Number.POSITIVE_INFINITY : 2 ** grade,
        isForced: isSelected,
      };
    });
    const free = { left, top, right: left + width, bottom: top + height };
    return placed(wishes, free, Math.ceil((width * height) / PLATE_AREA), this.shown);
  }

  private boxOf(id: number): HTMLElement {
    const known = this.boxes.get(id);
    if (known !== undefined) return known;
    const box = document.createElement('span');
    // It comes in when it is known that there is room for it.
    box.className = 'plate is-crowded';
    this.boxes.set(id, box);
    this.host.append(box);
    return box;
  }
}
