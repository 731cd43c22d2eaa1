import { toCss } from '../view/colour';
import { HULL_BOX, hullOf } from '../view/hulls';
import { strategyLook } from '../view/look';
import { SVG } from './element';

/** A strategy's ship as a sign before its name, in its colour. Set through the CSSOM: a style attribute would need a wider security policy. */
export function emblem(strategy: string): SVGElement {
  const { colour, shape } = strategyLook(strategy);
  const made = document.createElementNS(SVG, 'svg');
  made.setAttribute('viewBox', `0 0 ${HULL_BOX} ${HULL_BOX}`);
  made.setAttribute('class', 'emblem');
  made.setAttribute('aria-hidden', 'true');
  made.style.color = toCss(colour);
  for (const side of ['', `matrix(1 0 0 -1 0 ${HULL_BOX})`]) {
    const half = document.createElementNS(SVG, 'path');
    half.setAttribute('d', hullOf(shape));
    if (side !== '') half.setAttribute('transform', side);
    made.append(half);
  }
  return made;
}
