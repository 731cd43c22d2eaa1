import { toCss } from '../view/colour';
import { HULL_BOX, hullOf } from '../view/hulls';
import { PALETTE, SHAPES } from '../view/look';

const SVG = 'http://www.w3.org/2000/svg';
const SIZE = 64;

type Attributes = Readonly<Record<string, string | number>>;

function shape(name: string, attributes: Attributes, ...children: readonly SVGElement[]): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

const circle = (cx: number, cy: number, r: number, attributes: Attributes): SVGElement =>
  shape('circle', { cx, cy, r, ...attributes });

/** A star with its glow: the same light at three widths. */
function star(cx: number, cy: number, r: number, colour: string): SVGElement[] {
  return [
    circle(cx, cy, r * 3.4, { fill: colour, opacity: 0.13 }),
    circle(cx, cy, r * 1.9, { fill: colour, opacity: 0.3 }),
    circle(cx, cy, r, { fill: '#fff' }),
  ];
}

const colour = (number: number): string => toCss(PALETTE[number] ?? 0xffffff);

/** The two halves of a hull, in the middle of a point. */
function hull(number: number, cx: number, cy: number, size: number): SVGElement {
  const scale = size / HULL_BOX;
  const half = (mirror: string): SVGElement =>
    shape('path', { d: hullOf(number % SHAPES), transform: mirror });
  return shape(
    'g',
    {
      fill: colour(number),
      transform: `translate(${cx} ${cy}) rotate(-35) scale(${scale}) translate(${-HULL_BOX / 2} ${-HULL_BOX / 2})`,
    },
    half('matrix(1 0 0 1 0 0)'),
    half(`matrix(1 0 0 -1 0 ${HULL_BOX})`),
  );
}

const PICTURES = {
  star: () => star(32, 32, 7, '#ffe6c0'),
  colours: () => [
    ...star(17, 40, 5, colour(0)),
    ...star(34, 20, 6, colour(3)),
    ...star(49, 44, 5, colour(4)),
  ],
  ring: () => [
    ...star(32, 32, 5, '#ffd0a0'),
    circle(32, 32, 15, { fill: 'none', stroke: '#ffb08a', 'stroke-width': 2 }),
    circle(32, 32, 23, { fill: 'none', stroke: '#ffb08a', 'stroke-width': 1, opacity: 0.55 }),
  ],
  hull: () => [hull(0, 20, 38, 34), hull(1, 46, 44, 24), hull(2, 44, 18, 24)],
} as const;

/** A small picture of what is to be seen. */
export function picture(name: keyof typeof PICTURES): SVGElement {
  return shape('svg', { viewBox: `0 0 ${SIZE} ${SIZE}`, 'aria-hidden': 'true' }, ...PICTURES[name]());
}
