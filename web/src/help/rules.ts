import { circle, colourOf, drawing, hull, light, path, shape } from '../panel/drawing';
import { element } from '../panel/element';

const LINE = '#9cc4ff';
const WIDTH = 132;
const HEIGHT = 84;

const cells = (): SVGElement =>
  path('M44 0v84M88 0v84M0 28h132M0 56h132', { stroke: LINE, opacity: 0.16, 'stroke-width': 1 });
const arrow = (d: string, colour = LINE): SVGElement => path(d, { stroke: colour, 'stroke-width': 2 });

/** The steps of a turn, as docs/rules-detail.md has them. */
const STEPS: readonly (readonly [title: string, words: string, draw: () => SVGElement[]])[] = [
  [
    'It looks',
    'A ship sees what is closer than 16 cells: kind, place, and of ships their blasters.',
    () => [
      circle(56, 44, 34, { fill: LINE, opacity: 0.09 }),
      circle(56, 44, 34, { fill: 'none', stroke: LINE, 'stroke-dasharray': '3 4' }),
      hull(0, 56, 44, 22, 0),
      hull(1, 78, 28, 16, 150),
      light(44, 62, 3, '#ffc46b'),
      shape('g', { opacity: 0.35 }, hull(5, 116, 62, 16, 200)),
    ],
  ],
  [
    'Its program decides',
    'Hold for 1 energy, move up to as many cells as it has thrusters for 2, or buy a blaster, a thruster or a harvester for 50.',
    () => [
      shape('rect', {
        x: 12,
        y: 26,
        width: 34,
        height: 32,
        rx: 6,
        fill: 'none',
        stroke: LINE,
        'stroke-width': 1.5,
      }),
      path('M20 36h18M20 42h12M20 48h15', { stroke: LINE, 'stroke-width': 2, opacity: 0.7 }),
      arrow('M50 42h16m-5-5l5 5l-5 5'),
      hull(0, 84, 42, 24, 0),
      arrow('M104 42h20m-5-5l5 5l-5 5', colourOf(0)),
    ],
  ],
  [
    'Who shares a cell fights',
    'Each loses as much shield as the others there have blasters, all at once. At shield 0 a ship becomes a light.',
    () => [
      cells(),
      hull(0, 58, 42, 24, 20),
      hull(1, 76, 42, 24, 200),
      path('M60 34l-6-9M68 32l1-11M75 34l7-8', { stroke: '#ff9b80', 'stroke-width': 2 }),
      circle(67, 42, 20, { fill: 'none', stroke: '#ff9b80', opacity: 0.7 }),
    ],
  ],
  [
    'Who is alone harvests',
    'It takes as much energy from each light in its cell as it has harvesters, and its shield grows by 1.',
    () => [
      cells(),
      light(66, 52, 5, '#ffc46b'),
      hull(5, 66, 30, 26, 90),
      path('M62 46v-8M70 46v-8', { stroke: '#ffc46b', 'stroke-width': 2 }),
    ],
  ],
];

export function rules(): HTMLElement {
  return element(
    'div',
    {},
    element(
      'p',
      {},
      'Every second is a turn. All ships decide on what the turn before has left, and all that follows happens at once.',
    ),
    element(
      'ol',
      { class: 'steps-of-turn' },
      ...STEPS.map(([title, words, draw]) =>
        element(
          'li',
          {},
          drawing(WIDTH, HEIGHT, ...draw()),
          element('h3', {}, title),
          element('p', {}, words),
        ),
      ),
    ),
    element(
      'p',
      {},
      'A system that has fewer ships than it should gets a new one; the strategies take turns. Whoever has most energy wins: ',
      'it pays for everything, and the rich outlast the many. ',
      'In a universe with upkeep a ship also pays each turn for the parts that it has bought.',
    ),
  );
}
