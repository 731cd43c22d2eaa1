import type { Sight } from '../place/place';

/** How strongly a flight prefers zooming to panning; the value the authors found people like best. */
const CURVATURE = 1.42;
const NEAR = 1e-9;

export interface Flight {
  /** The length of the path as the eye measures it: panning and zooming in one unit. */
  readonly length: number;
  /** The sight at share 0..1 of the way. */
  at(share: number): Sight;
}

/**
 * The path between two sights along which the picture moves evenly: it draws back, crosses and comes close.
 *
 * J. van Wijk and W. Nuij, Smooth and efficient zooming and panning, IEEE InfoVis 2003, equations 9 and 10: with
 * u the distance covered, w the span and s the length of path, u(s) and w(s) are hyperbolic functions of s.
 */
export function flightBetween(from: Sight, to: Sight): Flight {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const distance = Math.hypot(dx, dy);
  // The last sight is given as it is, free of rounding.
  const ending = (share: number, sight: () => Sight): Sight => (share >= 1 ? to : sight());

  if (distance < NEAR * Math.max(from.span, to.span)) {
    const zoom = Math.log(to.span / from.span);
    return {
      length: Math.abs(zoom) / CURVATURE,
      at: (share) =>
        ending(share, () => ({ x: from.x, y: from.y, span: from.span * Math.exp(zoom * share) })),
    };
  }

  const rho2 = CURVATURE ** 2;
  const spread = (span: number, sign: number): number =>
    (to.span ** 2 - from.span ** 2 + sign * rho2 ** 2 * distance ** 2) / (2 * span * rho2 * distance);
  const r0 = -Math.asinh(spread(from.span, 1));
  const r1 = -Math.asinh(spread(to.span, -1));
  const length = (r1 - r0) / CURVATURE;
  return {
    length: Math.abs(length),
    at: (share) =>
      ending(share, () => {
        const r = r0 + CURVATURE * length * share;
        const covered = (from.span / rho2) * (Math.cosh(r0) * Math.tanh(r) - Math.sinh(r0));
        const part = covered / distance;
        return {
          x: from.x + dx * part,
          y: from.y + dy * part,
          span: (from.span * Math.cosh(r0)) / Math.cosh(r),
        };
      }),
  };
}

const FLIGHT_MS_MIN = 350;
const FLIGHT_MS_MAX = 1700;
const MS_PER_LENGTH = 330;

export function flightMs(flight: Flight): number {
  return Math.min(Math.max(flight.length * MS_PER_LENGTH, FLIGHT_MS_MIN), FLIGHT_MS_MAX);
}

/** Sets off and arrives gently. */
export function ease(share: number): number {
  const t = Math.min(Math.max(share, 0), 1);
  return t < 0.5 ? 4 * t ** 3 : 1 - (-2 * t + 2) ** 3 / 2;
}
