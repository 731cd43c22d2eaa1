import { byId, write } from './element';

/** A line beside the pointer. */
export class Tooltip {
  private readonly box = byId('tooltip');

  show(text: string, pixel: { x: number; y: number }): void {
    write(this.box, text);
    this.box.hidden = false;
    const left = Math.min(pixel.x + 16, window.innerWidth - this.box.offsetWidth - 8);
    this.box.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, pixel.y - this.box.offsetHeight - 12)}px)`;
  }

  hide(): void {
    this.box.hidden = true;
  }
}
