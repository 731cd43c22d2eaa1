import type { Layer } from '../place/place';
import type { Figure } from '../sql/map';
import type { SystemSummary } from '../sql/systems';
import { BALANCE, HEAT } from './ramp';

/** How a layer is called and read. */
export interface LayerWords {
  readonly name: string;
  /** What one end of the ramp means, and the other. */
  readonly least: string;
  readonly most: string;
  /** The figure of one system, after its number. */
  readonly unit: string;
  readonly title: string;
  readonly ramp: readonly number[];
}

export const LAYERS: Readonly<Record<Layer, LayerWords>> = {
  energy: {
    name: 'Energy',
    least: 'none',
    most: 'most energy',
    unit: 'energy',
    title: 'Energy of the ships of each system',
    ramp: HEAT,
  },
  battles: {
    name: 'Battles',
    least: 'peace',
    most: 'most battles',
    unit: 'battles',
    title: 'Battles in each system, in the turns whose events are kept',
    ramp: HEAT,
  },
  density: {
    name: 'Density',
    least: 'empty',
    most: 'most ships',
    unit: 'ships',
    title: 'Ships in each system',
    ramp: HEAT,
  },
  change: {
    name: 'Change',
    least: 'ships lost',
    most: 'ships born',
    unit: 'ships born less lost',
    title: 'Ships born less ships lost in each system, in the turns whose events are kept',
    ramp: BALANCE,
  },
};

/** The figure of each system that a layer shows; null while it is not known. */
export function figuresOf(
  layer: Layer,
  summaries: readonly SystemSummary[],
  asked: readonly Figure[] | null,
): readonly Figure[] | null {
  if (layer === 'energy') return summaries.map(({ sid, energy }) => ({ sid, value: energy }));
  if (layer === 'density') return summaries.map(({ sid, ships }) => ({ sid, value: ships }));
  return asked;
}

/** The system with the largest figure; null when all are 0. */
export function peakOf(figures: readonly Figure[]): Figure | null {
  let peak: Figure | null = null;
  for (const each of figures) if (Math.abs(each.value) > Math.abs(peak?.value ?? 0)) peak = each;
  return peak;
}

/** Each figure as a share of the largest, by its root: on an even scale one rich system leaves all others dark. */
export function heatOf(figures: readonly Figure[]): Map<number, number> {
  const most = Math.abs(peakOf(figures)?.value ?? 1);
  return new Map(
    figures.map(({ sid, value }) => [sid, Math.sign(value) * Math.sqrt(Math.abs(value) / most)]),
  );
}

/** The layer after one, in the order of the control; null is none. */
export function layerAfter(layer: Layer | null): Layer | null {
  const all = Object.keys(LAYERS) as Layer[];
  return layer === null ? (all[0] ?? null) : (all[all.indexOf(layer) + 1] ?? null);
}
