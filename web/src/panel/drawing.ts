import { toCss } from '../view/colour';
import { HULL_BOX, hullOf } from '../view/hulls';
import { PALETTE, SHAPES } from '../view/look';
import { SVG } from './element';

type Attributes = Readonly<Record<string, string | number>>;

/** One SVG element; colours are attributes, because inline styles would need a wider security policy. */
export function shape(
  name: string,
  attributes: Attributes,
  ...children: readonly (Node | string)[]
): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** A drawing that says nothing which the words beside it do not say. */
export function drawing(width: number, height: number, ...parts: readonly SVGElement[]): SVGElement {
  return shape('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' }, ...parts);
}

export function circle(cx: number, cy: number, r: number, attributes: Attributes): SVGElement {
  return shape('circle', { cx, cy, r, ...attributes });
}

export function path(d: string, attributes: Attributes): SVGElement {
  return shape('path', { d, fill: 'none', ...attributes });
}

/** A star or a node with its glow: the same light at three widths. */
export function light(cx: number, cy: number, r: number, glow: string): SVGElement {
  return shape(
    'g',
    {},
    circle(cx, cy, r * 3.2, { fill: glow, opacity: 0.08 }),
    circle(cx, cy, r * 2.3, { fill: glow, opacity: 0.16 }),
    circle(cx, cy, r * 1.55, { fill: glow, opacity: 0.34 }),
    circle(cx, cy, r, { fill: '#fff' }),
  );
}

/** The colour of a strategy by its place among those that came. */
export function colourOf(place: number): string {
  return toCss(PALETTE[place] ?? 0xffffff);
}

/** A ship of a strategy, its middle at a point; `degrees` 0 flies to the right. */
export function hull(place: number, cx: number, cy: number, size: number, degrees = -35): SVGElement {
  const half = (mirror: string): SVGElement =>
    shape('path', { d: hullOf(place % SHAPES), transform: mirror });
  const middle = -HULL_BOX / 2;
  return shape(
    'g',
    {
      fill: colourOf(place),
      transform: `translate(${cx} ${cy}) rotate(${degrees}) scale(${size / HULL_BOX}) translate(${middle} ${middle})`,
    },
    half('matrix(1 0 0 1 0 0)'),
    half(`matrix(1 0 0 -1 0 ${HULL_BOX})`),
  );
}
