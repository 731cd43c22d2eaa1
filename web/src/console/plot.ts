import type { Answer, Column, Value } from '../source/answer';
import { cellText, isNumber, isTime, numberIn } from './columns';

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

/** What a chart shows: series over one x. */
export interface Plot {
  readonly kind: 'lines' | 'bars' | 'points';
  readonly xName: string;
  /** Rising. Seconds since 1970 where `isTime`; the numbers of `labels` where there are any. */
  readonly x: readonly number[];
  readonly labels: readonly string[] | null;
  readonly isTime: boolean;
  /** What the series are: the values of a column such as `strategy`; null where each is a column. */
  readonly seriesName: string | null;
  readonly series: readonly Series[];
}

export const SERIES_MAX = 10;
export const BARS_MAX = 60;
const TURN = /^(?:tid|turn|age|born_tid)$/i;
/** Numbers that name something, and so say nothing when they are drawn. */
const NAME = /(?:^|_)(?:sid|eid|tid|slot|version|kind|x|y)$/i;

/**
 * The chart that a result calls for; otherwise, in words, why there is none. Over turns or times it is lines, one for each
 * name in a column of texts if the same turn comes more than once; over names it is bars; of two numbers it is points.
 */
export function plotOf({ columns, rows }: Answer): Plot | string {
  if (rows.length === 0) return 'There are no rows to draw.';
  const all = columns.map((column, at) => ({ column, at }));
  const numbers = all.filter(({ column }) => isNumber(column));
  const texts = all.filter(({ column }) => !isNumber(column) && !isTime(column));
  const time = all.find(({ column }) => isTime(column));
  const turn = numbers.find(({ column }) => TURN.test(column.name));
  const xs = time ?? turn;
  const values = measures(numbers, xs?.at ?? null);
  if (xs !== undefined && values.length > 0) {
    const series = texts.find(({ at }) => isSeries(rows, at));
    const isRepeated = new Set(rows.map((row) => String(row[xs.at]))).size < rows.length;
    if (isRepeated && series !== undefined && values[0] !== undefined)
      return split(rows, xs, series, values[0].at);
    return overX(rows, xs, values, 'lines');
  }
  const label = texts[0] ?? numbers.find(({ column }) => NAME.test(column.name));
  const bars = values.filter(({ at }) => at !== label?.at);
  if (label !== undefined && rows.length <= BARS_MAX && bars.length > 0) return overNames(rows, label, bars);
  const [first, ...others] = values;
  if (first !== undefined && others.length > 0) return overX(rows, first, others, 'points');
  if (first !== undefined) return overIndex(rows, first);
  return 'A chart needs a column of numbers: this result has none.';
}

interface At {
  readonly column: Column;
  readonly at: number;
}

/** The columns to draw: numbers that measure something or, if there are none, any other than `x`. */
function measures(numbers: readonly At[], x: number | null): readonly At[] {
  const others = numbers.filter(({ at }) => at !== x);
  const real = others.filter(({ column }) => !NAME.test(column.name));
  return (real.length > 0 ? real : others).slice(0, SERIES_MAX);
}

/** Whether a column has few enough names to be drawn a line each. */
function isSeries(rows: Answer['rows'], at: number): boolean {
  const names = new Set(rows.map((row) => cellText(row[at] ?? null)));
  return names.size <= Math.max(SERIES_MAX, rows.length / 3);
}

function overX(rows: Answer['rows'], x: At, values: readonly At[], kind: Plot['kind']): Plot {
  const ordered = rows
    .map((row) => ({ x: xOf(row[x.at] ?? null, x.column), row }))
    .filter((each): each is { x: number; row: readonly Value[] } => each.x !== null)
    .sort((a, b) => a.x - b.x);
  return {
    kind,
    xName: x.column.name,
    x: ordered.map((each) => each.x),
    labels: null,
    isTime: isTime(x.column),
    seriesName: null,
    series: values.map(({ column, at }) => ({
      name: column.name,
      values: ordered.map(({ row }) => numberIn(row[at] ?? null)),
    })),
  };
}

function overNames(rows: Answer['rows'], label: At, values: readonly At[]): Plot {
  // Bars of very different measures side by side say nothing: the first one is meant.
  return {
    kind: 'bars',
    xName: label.column.name,
    x: [...rows.keys()],
    labels: rows.map((row) => cellText(row[label.at] ?? null)),
    isTime: false,
    seriesName: null,
    series: values.slice(0, 1).map(({ column, at }) => ({
      name: column.name,
      values: rows.map((row) => numberIn(row[at] ?? null)),
    })),
  };
}

function overIndex(rows: Answer['rows'], { column, at }: At): Plot {
  return {
    kind: 'lines',
    xName: 'row',
    x: rows.map((_, row) => row + 1),
    labels: null,
    isTime: false,
    seriesName: null,
    series: [{ name: column.name, values: rows.map((row) => numberIn(row[at] ?? null)) }],
  };
}

/** One measure over x, a series for each name; of more than can be told apart, those with the largest sums. */
function split(rows: Answer['rows'], x: At, series: At, value: number): Plot {
  const points = new Map<string, Map<number, number | null>>();
  const sums = new Map<string, number>();
  const xs = new Set<number>();
  for (const row of rows) {
    const at = xOf(row[x.at] ?? null, x.column);
    if (at === null) continue;
    const name = cellText(row[series.at] ?? null);
    const number = numberIn(row[value] ?? null);
    const line = points.get(name) ?? new Map<number, number | null>();
    line.set(at, number);
    points.set(name, line);
    sums.set(name, (sums.get(name) ?? 0) + (number ?? 0));
    xs.add(at);
  }
  const ordered = [...xs].sort((a, b) => a - b);
  const names = [...points.keys()]
    .sort((a, b) => (sums.get(b) ?? 0) - (sums.get(a) ?? 0))
    .slice(0, SERIES_MAX);
  return {
    kind: 'lines',
    xName: x.column.name,
    x: ordered,
    labels: null,
    isTime: isTime(x.column),
    seriesName: series.column.name,
    series: names.map((name) => ({
      name,
      values: ordered.map((at) => points.get(name)?.get(at) ?? null),
    })),
  };
}

/** Times come as texts of UTC. */
function xOf(value: Value, column: Column): number | null {
  if (!isTime(column)) return numberIn(value);
  const time = Date.parse(
    `${String(value).replace(' ', 'T').slice(0, 23)}${String(value).length > 10 ? 'Z' : ''}`,
  );
  return Number.isNaN(time) ? null : time / 1000;
}
