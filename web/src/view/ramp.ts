import { clamp } from './camera';
import { fromOklch, mixed } from './colour';

/** From little to much: dark blue over red to pale yellow, each step lighter than the one before, whatever the eye. */
export const HEAT: readonly number[] = [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) =>
  fromOklch(0.3 + 0.62 * share, 0.09 + 0.1 * Math.sin(Math.PI * share), 280 + 175 * share),
);

/** From loss over nothing to gain: the two ends differ in lightness too, for who does not see their hues. */
export const BALANCE: readonly number[] = [
  fromOklch(0.66, 0.2, 30),
  fromOklch(0.48, 0.11, 30),
  fromOklch(0.3, 0.02, 250),
  fromOklch(0.62, 0.1, 190),
  fromOklch(0.9, 0.13, 185),
];

/** The colour at `heat`: 0..1 over a ramp that begins at nothing, -1..1 over one with nothing in its middle. */
export function rampColour(ramp: readonly number[], heat: number): number {
  const share = ramp === BALANCE ? (clamp(heat, -1, 1) + 1) / 2 : clamp(heat, 0, 1);
  const place = share * (ramp.length - 1);
  const step = Math.min(Math.floor(place), ramp.length - 2);
  return mixed(ramp[step] ?? 0, ramp[step + 1] ?? 0, place - step);
}
