import { element, write } from '../panel/element';
import type { FillSheet } from '../panel/fill-sheet';
import { count, milliseconds } from '../panel/format';
import type { Address } from '../place/address';
import type { Answer, Value } from '../source/answer';
import { SourceFailure } from '../source/failure';
import { postQuery } from '../source/request';

/** More rows than this help nobody in a browser; the table says how many it leaves out. */
const ROWS_SHOWN = 500;

const EXAMPLES: readonly (readonly [string, string])[] = [
  [
    'Strongest ships',
    'select sid, eid, strategy, energy, blasters, thrusters, harvesters\nfrom entity where kind = 1 order by energy desc limit 20',
  ],
  [
    'What they plan',
    'select strategy, decode_plan(last_plan) as plan, count(*) as ships\nfrom entity where kind = 1 group by all order by ships desc limit 20',
  ],
  [
    'Battles now',
    'select sid, count(*) as ships\nfrom entities_with_conflict group by sid order by ships desc limit 20',
  ],
];

export const fillConsole: FillSheet = (host, address) => {
  new ConsoleSheet(host, address);
};

/** A line to the universe: any SELECT, its answer as a table, and the turn the answer belongs to. */
class ConsoleSheet {
  private readonly text = element('textarea', {
    id: 'console-sql',
    rows: '4',
    spellcheck: 'false',
    'aria-label': 'SQL',
  });
  private readonly run = element(
    'button',
    { type: 'submit', class: 'primary', title: 'Ctrl + Enter' },
    'Run',
  );
  private readonly summary = element('p', { class: 'muted small', role: 'status' });
  private readonly result = element('div', {
    class: 'result',
    tabindex: '0',
    role: 'region',
    'aria-label': 'Result',
  });

  constructor(
    host: HTMLElement,
    private readonly address: Address,
  ) {
    const examples = EXAMPLES.map(([label, sql]) => {
      const example = element('button', { type: 'button', class: 'quiet' }, label);
      example.addEventListener('click', () => {
        this.text.value = sql;
        void this.issue();
      });
      return example;
    });
    const form = element(
      'form',
      { class: 'console', 'aria-label': 'SQL console' },
      this.text,
      element('div', { class: 'row' }, element('div', { class: 'row examples' }, ...examples), this.run),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.issue();
    });
    this.text.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        void this.issue();
      }
    });
    host.append(form, this.summary, this.result);
    address.listen((place) => {
      if (place.sheet === 'console') this.open(place.sql);
    });
  }

  /** A query that came with the address is shown, and run only when the person says so. */
  private open(sql: string | null): void {
    if (sql !== null && this.text.value !== sql) this.text.value = sql;
    if (this.text.value === '') this.text.value = EXAMPLES[0]?.[1] ?? '';
  }

  private async issue(): Promise<void> {
    const sql = this.text.value.trim();
    if (sql === '') return;
    this.address.adjust({ sql });
    this.run.disabled = true;
    const startedAt = performance.now();
    try {
      const answer = await postQuery({ sql, args: [], turn: this.address.place.turn });
      write(this.summary, summaryOf(answer, performance.now() - startedAt));
      this.result.replaceChildren(tableOf(answer));
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      write(this.summary, '');
      this.result.replaceChildren(element('p', { class: 'verdict refused', role: 'alert' }, error.message));
    } finally {
      this.run.disabled = false;
    }
  }
}

export function summaryOf(answer: Answer, tookMs: number): string {
  const rows = answer.rows.length;
  const shown = rows > ROWS_SHOWN ? `, the first ${ROWS_SHOWN} shown` : '';
  const cut = answer.cut === null ? '' : `, cut at the server’s limit of ${answer.cut}`;
  const turn = answer.turn === null ? '' : ` · turn ${count(answer.turn)}`;
  return `${count(rows)} ${rows === 1 ? 'row' : 'rows'}${cut}${shown}${turn} · ${milliseconds(tookMs)}`;
}

function tableOf(answer: Answer): HTMLElement {
  const head = answer.columns.map((column) =>
    element('th', { scope: 'col', title: column.dataType }, column.name),
  );
  const body = answer.rows
    .slice(0, ROWS_SHOWN)
    .map((row) =>
      element(
        'tr',
        {},
        ...row.map((value) =>
          element('td', { class: typeof value === 'number' ? 'number' : '' }, cellText(value)),
        ),
      ),
    );
  return element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...body),
  );
}

export function cellText(value: Value): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
