import { circle, colourOf, drawing, hull, light } from './drawing';
import { element } from './element';

const SIZE = 64;
const RING = '#ffb08a';

const LEGEND: readonly (readonly [words: string, draw: () => SVGElement[]])[] = [
  ['A star is a solar system. It shines by the energy of its ships.', () => [light(32, 32, 7, '#ffe6c0')]],
  [
    'The glow around it has the colour of the strategy with most energy there.',
    () => [light(17, 40, 5, colourOf(0)), light(34, 19, 6, colourOf(1)), light(49, 44, 5, colourOf(5))],
  ],
  [
    'A ring: there is a battle, this very turn.',
    () => [
      light(32, 32, 5, '#ffd0a0'),
      circle(32, 32, 15, { fill: 'none', stroke: RING, 'stroke-width': 2 }),
      circle(32, 32, 23, { fill: 'none', stroke: RING, 'stroke-width': 1, opacity: 0.55 }),
    ],
  ],
  [
    'Inside, hulls are ships. Shape and colour tell whose.',
    () => [hull(0, 20, 38, 34), hull(1, 46, 44, 24), hull(5, 44, 17, 24)],
  ],
];

/** What is to be seen, each with a small picture. */
export function legend(): HTMLElement {
  return element(
    'ul',
    { class: 'legend' },
    ...LEGEND.map(([words, draw]) =>
      element('li', {}, drawing(SIZE, SIZE, ...draw()), element('span', {}, words)),
    ),
  );
}
