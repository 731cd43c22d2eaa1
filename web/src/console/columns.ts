import type { Column, Value } from '../source/answer';

/** How a column of a result is read by people: set right, sorted by number, leading somewhere. */
export interface GridColumn {
  readonly name: string;
  readonly dataType: string;
  readonly isNumber: boolean;
  /** Its cells name a system or an entity, to which they lead. */
  readonly leads: 'sid' | 'eid' | null;
}

const NUMBER = /^(?:UNSIGNED )?(?:TINYINT|SMALLINT|MEDIUMINT|INT|BIGINT)$|^(?:DOUBLE|FLOAT|DECIMAL)$/;
const TIME = /^(?:DATETIME|TIMESTAMP|DATE)$/;

export function isNumber({ dataType }: Column): boolean {
  return NUMBER.test(dataType);
}

export function isTime({ dataType }: Column): boolean {
  return TIME.test(dataType);
}

export function gridColumn(column: Column): GridColumn {
  const leads = /(?:^|_)(sid|eid)$/i.exec(column.name)?.[1]?.toLowerCase();
  const isNumeric = isNumber(column);
  return {
    name: column.name,
    dataType: column.dataType,
    isNumber: isNumeric,
    leads: isNumeric && (leads === 'sid' || leads === 'eid') ? leads : null,
  };
}

export function cellText(value: Value): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A cell's number; numbers of 64 bits come as text, so that no digit is lost. */
export function numberIn(value: Value): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value === '') return null;
  const number = Number(value);
  return Number.isNaN(number) ? null : number;
}

const WIDTH_MIN = 4;
const WIDTH_MAX = 44;
const SAMPLE = 400;

/** Widths in characters, wide enough for the heads and for a sample of the cells. */
export function widthsOf(columns: readonly GridColumn[], rows: readonly (readonly Value[])[]): number[] {
  const step = Math.max(1, Math.floor(rows.length / SAMPLE));
  return columns.map(({ name }, place) => {
    // The head has room for the sign that tells the order.
    let width = name.length + 3;
    for (let at = 0; at < rows.length; at += step) {
      width = Math.max(width, cellText(rows[at]?.[place] ?? null).length);
      if (width >= WIDTH_MAX) return WIDTH_MAX;
    }
    return Math.max(width, WIDTH_MIN);
  });
}

export interface Order {
  readonly column: number;
  readonly isDescending: boolean;
}

/** What the next click on a head makes: of numbers the greatest first, of texts the first letters; the third click, as it came. */
export function nextOrder(
  order: Order | null,
  column: number,
  { isNumber: isNumeric }: GridColumn,
): Order | null {
  if (order?.column !== column) return { column, isDescending: isNumeric };
  return order.isDescending === isNumeric ? { column, isDescending: !isNumeric } : null;
}

/** The rows' numbers in an order; rows that are equal stay as they came, nulls come last. */
export function orderRows(
  columns: readonly GridColumn[],
  rows: readonly (readonly Value[])[],
  order: Order | null,
): Uint32Array {
  const numbers = Uint32Array.from(rows.keys());
  if (order === null) return numbers;
  const isNumeric = columns[order.column]?.isNumber ?? false;
  const keys = rows.map((row) => keyOf(row[order.column] ?? null, isNumeric));
  const sign = order.isDescending ? -1 : 1;
  return numbers.sort((a, b) => {
    const [left, right] = [keys[a] ?? null, keys[b] ?? null];
    if (left === null || right === null) return Number(left === null) - Number(right === null) || a - b;
    if (left < right) return -sign;
    return left > right ? sign : a - b;
  });
}

function keyOf(value: Value, isNumeric: boolean): number | bigint | string | null {
  if (value === null) return null;
  if (!isNumeric) return cellText(value);
  if (typeof value !== 'string') return numberIn(value);
  // Numbers of 64 bits do not all fit into a double; JavaScript compares the two kinds rightly.
  const number = Number(value);
  return Number.isSafeInteger(number) || !/^-?\d+$/.test(value) ? numberIn(value) : BigInt(value);
}

/** Cells as spreadsheets take them: tabs between, a line for each row. */
export function tabbed(rows: Iterable<readonly Value[]>): string {
  const lines: string[] = [];
  for (const row of rows) lines.push(row.map(tabbedCell).join('\t'));
  return lines.join('\n');
}

function tabbedCell(value: Value): string {
  if (value === null) return '';
  const text = cellText(value);
  return /[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
