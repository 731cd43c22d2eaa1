import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Bands } from '../view/shares';

/** How a band is drawn. */
export interface Paint {
  /** `#rrggbb`. */
  readonly colour: string;
  /** Whether it stands out, lies back, or neither. */
  readonly weight: 'plain' | 'out' | 'back';
}

export interface ChartActions {
  /** The pointer is over the turn with this number and at this height, 0 to 1; null: it has left. */
  onPoint(at: { readonly index: number; readonly height: number } | null): void;
  onPick(at: { readonly index: number; readonly height: number }): void;
}

const ALPHA: Readonly<Record<Paint['weight'], string>> = { plain: '66', out: 'd0', back: '1c' };

/** Bands over turns. uPlot draws them on a canvas; a change of the bands' order or paint makes it again. */
export class ShareChart {
  private chart: uPlot | null = null;
  private made = '';

  constructor(
    private readonly host: HTMLElement,
    private readonly actions: ChartActions,
  ) {
    new ResizeObserver(() => {
      if (this.host.clientWidth > 0) this.chart?.setSize(this.size());
    }).observe(host);
    host.addEventListener('click', () => {
      const at = this.pointed();
      if (at !== null) actions.onPick(at);
    });
  }

  /** `paints`: one for each band. */
  show({ tids, bands }: Bands, paints: readonly Paint[]): void {
    const data: uPlot.AlignedData = [[...tids], ...bands.map(({ edge }) => [...edge])];
    const made = JSON.stringify(paints);
    if (this.chart !== null && made === this.made) {
      this.chart.setData(data);
      return;
    }
    this.made = made;
    this.chart?.destroy();
    this.chart = new uPlot(this.options(paints), data, this.host);
  }

  private options(paints: readonly Paint[]): uPlot.Options {
    const fill = ({ colour, weight }: Paint): string => `${colour}${ALPHA[weight]}`;
    return {
      ...this.size(),
      padding: [2, 0, 0, 0],
      legend: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: { x: { time: false }, y: { range: [0, 1] } },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: false, y: false, setScale: false },
      },
      series: [
        {},
        ...paints.map((paint, place) => ({
          stroke: paint.weight === 'back' ? `${paint.colour}55` : paint.colour,
          // The topmost edge is that of the chart.
          width: place === paints.length - 1 ? 0 : 1,
          // What lies on the ground is filled down to it, each other band down to the one below.
          ...(place === 0 ? { fill: fill(paint) } : {}),
          points: { show: false },
        })),
      ],
      bands: paints.slice(1).map((paint, place) => ({
        series: [place + 2, place + 1] as [number, number],
        fill: fill(paint),
      })),
      hooks: { setCursor: [() => this.actions.onPoint(this.pointed())] },
    };
  }

  private pointed(): { index: number; height: number } | null {
    const { idx, top } = this.chart?.cursor ?? {};
    if (this.chart == null || idx == null || top === undefined || top < 0) return null;
    return { index: idx, height: this.chart.posToVal(top, 'y') };
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(40, this.host.clientWidth), height: Math.max(40, this.host.clientHeight) };
  }
}
