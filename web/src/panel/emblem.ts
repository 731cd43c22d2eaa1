import { toCss } from '../view/colour';
import { HULL_BOX, hullOf } from '../view/hulls';
import { strategyLook } from '../view/look';
import { SVG } from './element';

/** A strategy's ship as a sign before its name, in its colour. Set through the CSSOM: a style attribute would need a wider security policy. */
export function emblem(strategy: string): SVGElement {
  const made = document.createElementNS(SVG, 'svg');
  made.dataset.strategy = strategy;
  made.setAttribute('viewBox', `0 0 ${HULL_BOX} ${HULL_BOX}`);
  made.setAttribute('class', 'emblem');
  made.setAttribute('aria-hidden', 'true');
  paint(made, strategy);
  return made;
}

/** Draws all emblems of the page again: what was shown before the strategies' numbers were known had looks of its own. */
export function repaintEmblems(): void {
  for (const each of document.querySelectorAll<SVGElement>('.emblem[data-strategy]'))
    paint(each, each.dataset.strategy ?? '');
}

function paint(sign: SVGElement, strategy: string): void {
  const { colour, shape } = strategyLook(strategy);
  sign.style.color = toCss(colour);
  const halves = ['', `matrix(1 0 0 -1 0 ${HULL_BOX})`].map((side) => {
    const half = document.createElementNS(SVG, 'path');
    half.setAttribute('d', hullOf(shape));
    if (side !== '') half.setAttribute('transform', side);
    return half;
  });
  sign.replaceChildren(...halves);
}
