import type { Point } from '../view/camera';

/** A label under something that is drawn. */
export interface Plate {
  readonly id: number;
  readonly text: string;
  /** The middle of its upper edge, in pixels of the window. */
  readonly at: Point;
  readonly isSelected: boolean;
  readonly colour: string;
}

/** Labels as text of the page: sharp at every resolution, in its own font, and read by who cannot see. */
export class Plates {
  private readonly boxes = new Map<number, HTMLElement>();

  constructor(private readonly host: HTMLElement) {}

  show(plates: readonly Plate[]): void {
    const unseen = new Set(this.boxes.keys());
    for (const plate of plates) {
      unseen.delete(plate.id);
      const box = this.boxOf(plate.id);
      if (box.textContent !== plate.text) box.textContent = plate.text;
      box.classList.toggle('is-selected', plate.isSelected);
      box.style.setProperty('--accent', plate.colour);
      box.style.transform = `translate(${plate.at.x.toFixed(1)}px, ${plate.at.y.toFixed(1)}px) translateX(-50%)`;
    }
    for (const id of unseen) {
      this.boxes.get(id)?.remove();
      this.boxes.delete(id);
    }
  }

  private boxOf(id: number): HTMLElement {
    const known = this.boxes.get(id);
    if (known !== undefined) return known;
    const box = document.createElement('span');
    box.className = 'plate';
    this.boxes.set(id, box);
    this.host.append(box);
    return box;
  }
}
