import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import { intoSystem } from '../place/step';
import { neighboursQuestion } from '../sql/map';
import { at } from '../sql/question';
import { MAP_SIDE } from '../sql/space';
import { PLACES, type SystemPlace, type SystemSummary } from '../sql/systems';
import type { Point } from '../view/camera';
import { toCss } from '../view/colour';
import { strategyColour } from '../view/look';
import { button, element } from './element';
import { emblem } from './emblem';
import { short } from './format';

/** In CSS pixels. */
const SIDE = 132;
const DOT_COLOUR = '#8fa3c8';

/** Inside a system: where in the universe it is, and who leads the systems around it. */
export class Minimap {
  private readonly canvas = element('canvas', { role: 'img' });
  private readonly list = element('ul', { class: 'neighbours', 'aria-label': 'Nearest systems' });
  private readonly heading = element('p', { class: 'label', 'aria-hidden': 'true' }, 'Nearest, by distance');
  private places: readonly SystemPlace[] = [];
  private neighbours: readonly SystemSummary[] = [];

  constructor(
    private readonly host: HTMLElement,
    private readonly address: Pick<Address, 'place' | 'listen' | 'go'>,
    feed: Pick<Feed, 'follow'>,
  ) {
    host.append(this.canvas, element('div', {}, this.heading, this.list));
    this.canvas.addEventListener('click', (event) => this.press(event));
    address.listen((place, from) => {
      if (place.sid !== from?.sid) this.show();
    });
    feed.follow(
      ({ turn }) => at(PLACES, turn),
      (places) => {
        this.places = places ?? [];
        this.show();
      },
    );
    feed.follow(
      ({ sid, turn }) => neighboursQuestion(sid, turn),
      (neighbours) => {
        this.neighbours = neighbours ?? [];
        this.show();
      },
    );
  }

  private show(): void {
    const { sid } = this.address.place;
    const here = sid === null ? undefined : this.places.find((place) => place.sid === sid);
    this.host.hidden = here === undefined;
    if (here === undefined) return;
    this.draw(here);
    this.canvas.setAttribute(
      'aria-label',
      `System ${here.sid} at ${here.x}, ${here.y} of ${MAP_SIDE}, among ${this.places.length} systems`,
    );
    this.list.replaceChildren(...this.neighbours.map((each) => this.neighbour(each)));
  }

  private neighbour({ sid, leader, energy }: SystemSummary): HTMLElement {
    const made = button(
      '',
      { class: 'quiet neighbour', title: `${leader} has most of ${short(energy)} energy in system ${sid}` },
      () => this.address.go(intoSystem(sid)),
    );
    made.append(
      emblem(leader),
      element('span', { class: 'name' }, `System ${sid}`),
      element('span', { class: 'number' }, short(energy)),
    );
    return element('li', {}, made);
  }

  private draw(here: SystemPlace): void {
    const sharp = Math.min(window.devicePixelRatio, 2);
    this.canvas.width = SIDE * sharp;
    this.canvas.height = SIDE * sharp;
    const pen = this.canvas.getContext('2d');
    if (pen === null) return;
    pen.scale(sharp, sharp);
    const spot = ({ x, y }: Point): Point => ({
      x: 4 + (x / MAP_SIDE) * (SIDE - 8),
      y: 4 + (y / MAP_SIDE) * (SIDE - 8),
    });
    const dot = this.places.length > 4000 ? 0.7 : 1.3;
    pen.globalAlpha = this.places.length > 4000 ? 0.28 : 0.65;
    pen.fillStyle = DOT_COLOUR;
    for (const each of this.places) {
      const { x, y } = spot(each);
      pen.fillRect(x - dot / 2, y - dot / 2, dot, dot);
    }
    pen.globalAlpha = 1;
    const leaders = new Map(this.neighbours.map(({ sid, leader }) => [sid, leader]));
    for (const each of this.places) {
      const leader = leaders.get(each.sid);
      if (leader === undefined) continue;
      pen.fillStyle = toCss(strategyColour(leader));
      const { x, y } = spot(each);
      circle(pen, x, y, 2);
      pen.fill();
    }
    const { x, y } = spot(here);
    pen.fillStyle = '#fff';
    circle(pen, x, y, 2);
    pen.fill();
    pen.strokeStyle = '#fff';
    pen.lineWidth = 1.2;
    circle(pen, x, y, 7);
    pen.stroke();
    pen.globalAlpha = 0.3;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, y - 7);
    pen.moveTo(x, y + 7);
    pen.lineTo(x, SIDE);
    pen.moveTo(0, y);
    pen.lineTo(x - 7, y);
    pen.moveTo(x + 7, y);
    pen.lineTo(SIDE, y);
    pen.stroke();
  }

  private press(event: MouseEvent): void {
    const box = this.canvas.getBoundingClientRect();
    const cell = (pixel: number, from: number, size: number): number =>
      (((pixel - from) / size) * SIDE - 4) * (MAP_SIDE / (SIDE - 8));
    const point = {
      x: cell(event.clientX, box.left, box.width),
      y: cell(event.clientY, box.top, box.height),
    };
    const far = ({ x, y }: Point): number => Math.hypot(x - point.x, y - point.y);
    const [first, ...others] = this.places;
    if (first === undefined) return;
    const nearest = others.reduce((best, each) => (far(each) < far(best) ? each : best), first);
    this.address.go(intoSystem(nearest.sid));
  }
}

function circle(pen: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  pen.beginPath();
  pen.arc(x, y, radius, 0, Math.PI * 2);
}
