import { element } from '../panel/element';
import type { Answer, Value } from '../source/answer';
import {
  cellText,
  type GridColumn,
  gridColumn,
  nextOrder,
  type Order,
  orderRows,
  tabbed,
  widthsOf,
} from './columns';

/** In a window of ordinary size; all of the page grows with larger ones. */
const ROW_PIXELS = 27;
const LETTER_PIXELS = 16;
/** Rows kept above and below what is in sight, so that a fast wheel shows no gap. */
const ROWS_BEYOND = 8;
const PAGE_ROWS_MIN = 5;

interface Cell {
  readonly row: number;
  readonly column: number;
}

export interface GridActions {
  /** A cell that names a system or an entity was clicked. */
  onLead(column: GridColumn, row: readonly Value[], value: Value): void;
  onCopy(text: string, cells: number): void;
}

let gridsMade = 0;

/**
 * A result as a table of any length: only the rows in sight are in the document, so 100,000 scroll like a hundred.
 * One stop of the Tab key; arrows move from cell to cell, Shift widens to a range, which is copied.
 */
export class Grid {
  readonly host: HTMLElement;
  private readonly head = element('div', { class: 'grid-head', role: 'row', 'aria-rowindex': '1' });
  private readonly body = element('div', { class: 'grid-body', role: 'rowgroup' });
  private readonly id: string;
  private columns: readonly GridColumn[] = [];
  private rows: readonly (readonly Value[])[] = [];
  private order: Order | null = null;
  private places: Uint32Array = new Uint32Array();
  private pool: HTMLElement[] = [];
  /** Which row each element of the pool shows; -1 none. */
  private shown: number[] = [];
  private active: Cell | null = null;
  private anchor: Cell | null = null;
  private rowPixels = ROW_PIXELS;

  constructor(private readonly actions: GridActions) {
    gridsMade += 1;
    this.id = `grid-${gridsMade}`;
    this.host = element(
      'div',
      { class: 'grid', role: 'grid', tabindex: '0', 'aria-label': 'Result', 'aria-multiselectable': 'true' },
      element('div', { role: 'rowgroup', class: 'grid-top' }, this.head),
      this.body,
    );
    this.host.addEventListener('scroll', () => this.draw(), { passive: true });
    this.host.addEventListener('keydown', (event) => this.press(event));
    this.body.addEventListener('click', (event) => this.click(event));
    new ResizeObserver(() => this.measure()).observe(this.host);
    this.measure();
  }

  /** Another answer to the same statement keeps the order, the place and the cell that was chosen. */
  show(answer: Answer): void {
    const columns = answer.columns.map(gridColumn);
    const isSame = JSON.stringify(columns) === JSON.stringify(this.columns);
    this.columns = columns;
    this.rows = answer.rows;
    if (!isSame) {
      this.order = null;
      this.active = null;
      this.anchor = null;
      this.pool = [];
      this.shown = [];
      this.body.replaceChildren();
      this.host.scrollTo(0, 0);
    }
    const widths = widthsOf(columns, answer.rows);
    const index = String(answer.rows.length).length;
    const tracks = [index, ...widths].map((width) => `calc(${width}ch + 18px)`).join(' ');
    this.host.style.setProperty('--tracks', tracks);
    this.host.setAttribute('aria-rowcount', String(answer.rows.length + 1));
    this.host.setAttribute('aria-colcount', String(columns.length + 1));
    this.sort(this.order);
  }

  /** The text of a range, or of everything with its heads. */
  text(range: 'all' | 'chosen'): string {
    if (range === 'all' || this.active === null) {
      return [
        tabbed([this.columns.map(({ name }) => name)]),
        tabbed(this.ordered(0, this.rows.length - 1)),
      ].join('\n');
    }
    const { top, bottom, left, right } = this.chosen(this.active);
    return tabbed([...this.ordered(top, bottom)].map((row) => row.slice(left, right + 1)));
  }

  private *ordered(top: number, bottom: number): Generator<readonly Value[]> {
    for (let at = top; at <= bottom; at += 1) yield this.rows[this.places[at] ?? 0] ?? [];
  }

  private sort(order: Order | null): void {
    this.order = order;
    this.places = orderRows(this.columns, this.rows, order);
    const heads = this.columns.map((column, place) => {
      const isSorted = order?.column === place;
      const sign = isSorted ? (order.isDescending ? ' ↓' : ' ↑') : '';
      const head = element(
        'button',
        { type: 'button', tabindex: '-1', title: `${column.dataType}: click to sort` },
        `${column.name}${sign}`,
      );
      head.addEventListener('click', () => this.sort(nextOrder(this.order, place, column)));
      return element(
        'div',
        {
          role: 'columnheader',
          class: column.isNumber ? 'number' : '',
          'aria-colindex': String(place + 2),
          'aria-sort': isSorted ? (order.isDescending ? 'descending' : 'ascending') : 'none',
        },
        head,
      );
    });
    const corner = element('div', { role: 'columnheader', class: 'index', 'aria-colindex': '1' }, '#');
    this.head.replaceChildren(corner, ...heads);
    this.body.style.height = `${this.rows.length * this.rowPixels}px`;
    this.shown.fill(-1);
    this.draw();
  }

  private measure(): void {
    const letter = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.rowPixels = Math.round((ROW_PIXELS * letter) / LETTER_PIXELS);
    this.host.style.setProperty('--row', `${this.rowPixels}px`);
    this.body.style.height = `${this.rows.length * this.rowPixels}px`;
    this.shown.fill(-1);
    this.draw();
  }

  private draw(): void {
    const height = this.host.clientHeight;
    if (height === 0) return;
    const first = Math.max(0, Math.floor(this.host.scrollTop / this.rowPixels) - ROWS_BEYOND);
    const count = Math.ceil(height / this.rowPixels) + 2 * ROWS_BEYOND;
    while (this.pool.length < count) {
      const row = element('div', { class: 'grid-row', role: 'row' });
      row.hidden = true;
      this.pool.push(row);
      this.shown.push(-1);
      this.body.append(row);
    }
    // Row n is always shown by the same element, so scrolling by a row fills one.
    const size = this.pool.length;
    for (let at = first; at < first + size; at += 1) {
      const slot = at % size;
      const row = this.pool[slot];
      if (row === undefined) continue;
      const isThere = at < this.rows.length;
      row.hidden = !isThere;
      if (isThere && this.shown[slot] !== at) this.fill(row, at);
      this.shown[slot] = isThere ? at : -1;
    }
    this.choose();
  }

  private fill(row: HTMLElement, at: number): void {
    const values = this.rows[this.places[at] ?? 0] ?? [];
    row.style.transform = `translateY(${at * this.rowPixels}px)`;
    row.setAttribute('aria-rowindex', String(at + 2));
    const index = element('div', { class: 'index', role: 'rowheader', 'aria-colindex': '1' }, String(at + 1));
    row.replaceChildren(
      index,
      ...this.columns.map((column, place) => this.cell(column, values[place] ?? null, at, place)),
    );
  }

  private cell(column: GridColumn, value: Value, row: number, place: number): HTMLElement {
    const text = cellText(value);
    const kind = value === null ? 'null' : column.isNumber ? 'number' : '';
    const isLead = column.leads !== null && value !== null;
    const shown = isLead ? element('span', { class: 'lead' }, text) : text;
    const cell = element(
      'div',
      {
        id: `${this.id}-${row}-${place}`,
        class: kind,
        role: 'gridcell',
        'aria-colindex': String(place + 2),
        'data-row': String(row),
        'data-column': String(place),
      },
      typeof shown === 'string' ? document.createTextNode(shown) : shown,
    );
    if (isLead) cell.title = column.leads === 'sid' ? `Fly to system ${text}` : `Fly to entity ${text}`;
    else if (text.length > 30) cell.title = text.slice(0, 2000);
    return cell;
  }

  private click(event: MouseEvent): void {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('[role="gridcell"]');
    if (cell === null) return;
    const at = { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
    this.move(at, event.shiftKey);
    if (!event.shiftKey && (event.target as HTMLElement).closest('.lead') !== null) this.lead(at);
  }

  private lead({ row, column }: Cell): void {
    const values = this.rows[this.places[row] ?? 0] ?? [];
    const [its, value] = [this.columns[column], values[column] ?? null];
    if (its !== undefined && its.leads !== null && value !== null) this.actions.onLead(its, values, value);
  }

  private press(event: KeyboardEvent): void {
    const page = Math.max(PAGE_ROWS_MIN, Math.floor(this.host.clientHeight / this.rowPixels) - 2);
    const from = this.active ?? { row: 0, column: 0 };
    const last = { row: this.rows.length - 1, column: this.columns.length - 1 };
    const isWide = event.ctrlKey || event.metaKey;
    if (isWide && event.key.toLowerCase() === 'c') {
      this.copy(event);
      return;
    }
    if (isWide && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      this.anchor = { row: 0, column: 0 };
      this.active = last;
      this.choose();
      return;
    }
    if (event.key === 'Enter' && this.active !== null) this.lead(this.active);
    const to: Readonly<Record<string, Cell>> = {
      ArrowUp: { ...from, row: this.active === null ? 0 : from.row - 1 },
      ArrowDown: { ...from, row: this.active === null ? 0 : from.row + 1 },
      ArrowLeft: { ...from, column: from.column - 1 },
      ArrowRight: { ...from, column: from.column + 1 },
      PageUp: { ...from, row: from.row - page },
      PageDown: { ...from, row: from.row + page },
      Home: isWide ? { row: 0, column: 0 } : { ...from, column: 0 },
      End: isWide ? last : { ...from, column: last.column },
    };
    const next = to[event.key];
    if (next === undefined || this.rows.length === 0) return;
    event.preventDefault();
    const cell = {
      row: Math.min(Math.max(next.row, 0), last.row),
      column: Math.min(Math.max(next.column, 0), last.column),
    };
    this.move(cell, event.shiftKey);
    this.reveal(cell);
  }

  private copy(event: KeyboardEvent): void {
    // Text that was selected with the pointer is copied by the browser.
    if (this.active === null || (window.getSelection()?.toString() ?? '') !== '') return;
    event.preventDefault();
    const { top, bottom, left, right } = this.chosen(this.active);
    this.actions.onCopy(this.text('chosen'), (bottom - top + 1) * (right - left + 1));
  }

  private move(cell: Cell, isRange: boolean): void {
    this.active = cell;
    if (!isRange || this.anchor === null) this.anchor = cell;
    this.choose();
  }

  /** Scrolls so far that a cell is in sight, below the head. */
  private reveal({ row, column }: Cell): void {
    const top = row * this.rowPixels;
    const room = this.host.clientHeight - this.head.offsetHeight - this.rowPixels;
    if (top < this.host.scrollTop) this.host.scrollTop = top;
    else if (top > this.host.scrollTop + room) this.host.scrollTop = top - room;
    this.draw();
    this.host
      .querySelector(`#${this.id}-${row}-${column}`)
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  private chosen(active: Cell): { top: number; bottom: number; left: number; right: number } {
    const anchor = this.anchor ?? active;
    return {
      top: Math.min(anchor.row, active.row),
      bottom: Math.max(anchor.row, active.row),
      left: Math.min(anchor.column, active.column),
      right: Math.max(anchor.column, active.column),
    };
  }

  private choose(): void {
    const { active } = this;
    if (active === null) this.host.removeAttribute('aria-activedescendant');
    else this.host.setAttribute('aria-activedescendant', `${this.id}-${active.row}-${active.column}`);
    const range = active === null ? null : this.chosen(active);
    for (const cell of this.body.querySelectorAll<HTMLElement>('[role="gridcell"]')) {
      const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
      const isChosen =
        range !== null &&
        row >= range.top &&
        row <= range.bottom &&
        column >= range.left &&
        column <= range.right;
      cell.classList.toggle('chosen', isChosen);
      cell.classList.toggle('active', active !== null && row === active.row && column === active.column);
      if (isChosen) cell.setAttribute('aria-selected', 'true');
      else cell.removeAttribute('aria-selected');
    }
  }
}
