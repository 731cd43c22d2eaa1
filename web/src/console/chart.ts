import 'uplot/dist/uPlot.min.css';
import type uPlot from 'uplot';
import { element } from '../panel/element';
import { brief, count } from '../panel/format';
import type { Answer } from '../source/answer';
import { toCss } from '../view/colour';
import { PALETTE, strategyColour } from '../view/look';
import { type Plot, plotOf } from './plot';

const INK = '#9aa7c2';
const GRID = 'rgb(150 180 255 / 0.1)';
const FONT = '12px "JetBrains Mono Variable", "JetBrains Mono", ui-monospace, monospace';
/** Of one letter in `FONT`. */
const LETTER_PIXELS = 7.4;
const LETTERS_MAX = 16;
const LEGEND_PIXELS = 74;

/** A result as a chart: uPlot, which is loaded for the first one. */
export class Chart {
  readonly host = element('div', { class: 'chart', role: 'img', 'aria-label': 'Chart of the result' });
  private chart: uPlot | null = null;
  private shape = '';
  private plot: Plot | null = null;

  constructor() {
    new ResizeObserver(() => this.chart?.setSize(this.size())).observe(this.host);
  }

  /** Another answer of the same shape moves the lines; nothing else is drawn again. */
  async show(answer: Answer): Promise<void> {
    const plot = plotOf(answer);
    if (typeof plot === 'string') {
      this.clear();
      this.host.replaceChildren(element('p', { class: 'muted' }, plot));
      return;
    }
    const shape = JSON.stringify([plot.kind, plot.xName, plot.labels, plot.series.map(({ name }) => name)]);
    this.host.setAttribute('aria-label', wordsOf(plot));
    this.plot = plot;
    if (this.chart !== null && shape === this.shape) {
      this.chart.setData(dataOf(plot));
      return;
    }
    const { default: UPlot } = await import('uplot');
    // Another answer may have come while it was loaded.
    if (this.plot !== plot) return;
    this.clear();
    this.shape = shape;
    this.plot = plot;
    this.host.replaceChildren();
    this.chart = new UPlot(
      { ...optionsOf(UPlot, plot, this.host.clientWidth), ...this.size() },
      dataOf(plot),
      this.host,
    );
  }

  clear(): void {
    this.chart?.destroy();
    this.chart = null;
    this.shape = '';
    this.plot = null;
  }

  private size(): { width: number; height: number } {
    // The legend below takes its own room.
    return { width: this.host.clientWidth, height: Math.max(140, this.host.clientHeight - LEGEND_PIXELS) };
  }
}

/** The chart for who does not see it. */
export function wordsOf(plot: Plot): string {
  const names = plot.series.map(({ name }) => name).join(', ');
  return `Chart with ${plot.kind}: ${names} by ${plot.xName}, ${count(plot.x.length)} values each`;
}

function dataOf(plot: Plot): uPlot.AlignedData {
  return [[...plot.x], ...plot.series.map(({ values }) => [...values])] as uPlot.AlignedData;
}

function colourOf(plot: Plot, at: number): string {
  const name = plot.series[at]?.name ?? '';
  const isStrategy = plot.seriesName !== null && /strategy|killer|victim/.test(plot.seriesName);
  return toCss(isStrategy ? strategyColour(name) : (PALETTE[at % PALETTE.length] ?? 0xffffff));
}

function optionsOf(UPlot: typeof uPlot, plot: Plot, width: number): Omit<uPlot.Options, 'width' | 'height'> {
  const axis = {
    stroke: INK,
    font: FONT,
    grid: { stroke: GRID, width: 1 },
    ticks: { stroke: GRID, width: 1 },
  };
  const { labels } = plot;
  const names = labels?.map((name) =>
    name.length > LETTERS_MAX ? `${name.slice(0, LETTERS_MAX - 1)}…` : name,
  );
  const longest = Math.max(0, ...(names ?? []).map((name) => name.length)) * LETTER_PIXELS;
  const isTilted = longest * (names?.length ?? 0) > width - 90;
  const bars = UPlot.paths.bars?.({ size: [0.7, 80] });
  return {
    scales: {
      x: { time: plot.isTime, ...(labels === null ? {} : { range: [-0.6, labels.length - 0.4] }) },
      y:
        plot.kind === 'bars'
          ? { range: (_, min, max) => [Math.min(0, min), Math.max(0, max) * 1.05 || 1] }
          : {},
    },
    axes: [
      {
        ...axis,
        ...(plot.isTime ? {} : { values: (_: uPlot, splits: number[]) => splits.map(String) }),
        ...(labels === null
          ? {}
          : {
              rotate: isTilted ? -45 : 0,
              size: isTilted ? longest * 0.75 + 18 : 34,
              splits: () => [...labels.keys()],
              values: () => names ?? [],
              grid: { show: false },
            }),
      },
      { ...axis, size: 62, values: (_, splits) => splits.map(brief) },
    ],
    cursor: { points: { size: 7 } },
    series: [
      {
        label: plot.xName,
        ...(labels === null
          ? plot.isTime
            ? {}
            : { value: (_: uPlot, value: number | null) => (value === null ? '' : String(value)) }
          : { value: (_: uPlot, value: number | null) => (value === null ? '' : (labels[value] ?? '')) }),
      },
      ...plot.series.map(({ name }, at): uPlot.Series => {
        const colour = colourOf(plot, at);
        return {
          label: name,
          stroke: colour,
          width: plot.kind === 'lines' ? 1.8 : 1,
          value: (_, value) => (value === null ? '' : count(value)),
          ...(plot.kind === 'points'
            ? { paths: () => null, points: { show: true, size: 5, fill: colour } }
            : {}),
          ...(plot.kind === 'lines' ? { points: { show: plot.x.length < 40 }, spanGaps: true } : {}),
          ...(plot.kind === 'bars' && bars !== undefined
            ? { paths: bars, fill: `${colour}cc`, points: { show: false } }
            : {}),
        };
      }),
    ],
  };
}
