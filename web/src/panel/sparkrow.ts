import { element, SVG, write } from './element';
import { count } from './format';

const WIDTH = 240;
const HEIGHT = 30;
/** Room for the line's own width. */
const INSET = 2;

/** One figure over the turns: a label, the course as a line with the area under it, and how low and how high it went. */
export class Sparkrow {
  readonly element: HTMLElement;
  private readonly svg = document.createElementNS(SVG, 'svg');
  private readonly area = document.createElementNS(SVG, 'path');
  private readonly line = document.createElementNS(SVG, 'path');
  private readonly range = element('span', { class: 'number' });

  constructor(
    private readonly label: string,
    id: string,
  ) {
    this.svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute('preserveAspectRatio', 'none');
    this.svg.setAttribute('role', 'img');
    this.area.setAttribute('class', 'area');
    this.line.setAttribute('class', 'line');
    this.svg.append(this.area, this.line);
    const head = element('div', { class: 'row' }, element('span', { class: 'label' }, label), this.range);
    this.element = element('div', { class: 'course', id });
    this.element.append(head, this.svg);
  }

  /** The oldest value first. `ceiling`: the highest value there can be, where that is known. */
  show(points: readonly Point[], ceiling: number | null): void {
    const values = points.map(({ value }) => value);
    const least = Math.min(...values);
    const most = Math.max(...values);
    this.element.hidden = points.length < 2;
    if (this.element.hidden) return;
    const { line, area } = courseOf(points, ceiling === null ? least : 0, ceiling ?? most);
    this.line.setAttribute('d', line);
    this.area.setAttribute('d', area);
    write(this.range, least === most ? count(most) : `${count(least)} – ${count(most)}`);
    const turns = (points.at(-1)?.tid ?? 0) - (points[0]?.tid ?? 0);
    this.svg.setAttribute(
      'aria-label',
      `${this.label} over ${turns} turns: from ${values[0]} to ${values.at(-1)}, lowest ${least}, highest ${most}`,
    );
  }
}

export interface Point {
  readonly tid: number;
  readonly value: number;
}

/** The paths of a course between two values, the floor and the ceiling of its box; turns that are missing leave no gap. */
export function courseOf(
  points: readonly Point[],
  floor: number,
  ceiling: number,
): { line: string; area: string } {
  const first = points[0]?.tid ?? 0;
  const turns = Math.max(1, (points.at(-1)?.tid ?? 0) - first);
  const height = Math.max(1e-9, ceiling - floor);
  const places = points.map(({ tid, value }) => {
    const x = ((tid - first) / turns) * WIDTH;
    const y = HEIGHT - INSET - ((value - floor) / height) * (HEIGHT - 2 * INSET);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const line = `M${places.join(' L')}`;
  return { line, area: `${line} L${WIDTH} ${HEIGHT} L0 ${HEIGHT} Z` };
}
