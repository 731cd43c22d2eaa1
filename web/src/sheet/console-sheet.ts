import '../style/editor.css';
import '../style/console.css';
import { ArgumentFields } from '../console/argument-fields';
import { Chart } from '../console/chart';
import type { GridColumn } from '../console/columns';
import { type FileKind, saveResult } from '../console/export';
import { placeOf } from '../console/fault-place';
import { Grid } from '../console/grid';
import { History } from '../console/history';
import { exampleList, historyList, type Saved } from '../console/lists';
import { LiveQuery } from '../console/live-query';
import { holesIn, readArguments } from '../console/statement';
import { summaryOf } from '../console/summary';
import { Editor } from '../editor/editor';
import { NO_NAMES, namesIn, sqlLanguage } from '../editor/sql-language';
import { after } from '../feed/supply';
import { copyText } from '../panel/clipboard';
import { button, element, write } from '../panel/element';
import { ASIDE_PIXELS_MIN, type FillSheet } from '../panel/fill-sheet';
import type { Address } from '../place/address';
import { intoSystem } from '../place/step';
import type { Answer, Value } from '../source/answer';
import { Refused, SourceFailure } from '../source/failure';
import { openLink } from '../source/link';
import { askExactly, postQuery, type Query } from '../source/request';
import { CATALOGUE, readCatalogue } from '../sql/catalogue';

type View = 'table' | 'chart' | 'examples' | 'history';

export const fillConsole: FillSheet = (host, address) => {
  new ConsoleSheet(host, address);
};

/** A line to the universe: any SELECT, once or live, its answer as a table, a chart or a file, and the turn it belongs to. */
class ConsoleSheet {
  private readonly editor = new Editor({
    label: 'SQL',
    placeholder: 'select … from entity',
    language: sqlLanguage(NO_NAMES),
    keys: [{ key: 'Mod-Enter', run: () => this.runOnce() }],
    onLeave: () => this.run.focus(),
    onChange: (text) => this.fields.setCount(holesIn(text).length),
  });
  private readonly fields = new ArgumentFields(() => this.runOnce());
  private readonly run = button('Run', { class: 'primary', title: 'Ctrl + Enter' }, () => this.press());
  private readonly live = button('Live', { 'aria-pressed': 'false' }, () => this.toggleLive());
  private readonly summary = element('p', { class: 'muted small', role: 'status' });
  private readonly said = element('p', { class: 'said small', role: 'status' });
  private readonly trouble = element('p', { class: 'verdict refused', role: 'alert' });
  private readonly lower = element('div', { class: 'result' });
  private readonly grid = new Grid({
    onLead: (column, row, value) => void this.lead(column, row, value),
    onCopy: (text, cells) => void this.copy(text, `${cells} ${cells === 1 ? 'cell' : 'cells'}`),
  });
  private readonly chart = new Chart();
  private readonly views: Readonly<Record<View, HTMLButtonElement>>;
  private readonly history = new History(window.localStorage);
  private readonly query = new LiveQuery(openLink, after, {
    onAnswer: (answer, bytes) => this.show(answer, { bytes, isLive: true }),
    onFailure: (failure) => {
      this.setLive(null);
      this.refuse(failure);
    },
    onLost: () => write(this.said, 'Connection lost; looking for the server …'),
  });
  private view: View = 'examples';
  private answer: Answer | null = null;
  private asked: Query | null = null;
  /** What is watched; null when nothing is. */
  private watched: Query | null = null;
  private running: AbortController | null = null;

  constructor(
    host: HTMLElement,
    private readonly address: Address,
  ) {
    const views = (['table', 'chart', 'examples', 'history'] as const).map((view) => {
      const label = view.charAt(0).toUpperCase() + view.slice(1);
      return [
        view,
        button(label, { class: 'quiet', 'aria-pressed': 'false' }, () => this.turnTo(view)),
      ] as const;
    });
    this.views = Object.fromEntries(views) as Record<View, HTMLButtonElement>;
    this.trouble.hidden = true;
    host.append(
      element(
        'div',
        { class: 'console', role: 'group', 'aria-label': 'SQL console' },
        this.editor.host,
        this.fields.host,
        element(
          'div',
          { class: 'console-tools' },
          this.run,
          this.live,
          this.summary,
          element(
            'div',
            { class: 'views', role: 'group', 'aria-label': 'Below' },
            ...Object.values(this.views),
          ),
        ),
        this.trouble,
      ),
      this.lower,
      element('div', { class: 'console-tools exports' }, ...this.exports(), this.said),
    );
    this.turnTo('examples');
    address.listen((place) => {
      if (place.sheet === 'console') this.open(place.sql, place.args);
      else if (this.watched !== null) this.setLive(null);
      this.live.disabled = place.turn !== null;
      this.live.title = place.turn === null ? 'Answer again after every turn' : 'A past turn does not change';
      if (place.turn !== null && this.watched !== null) this.setLive(null);
    });
    document.addEventListener('visibilitychange', () => {
      if (this.watched === null) return;
      if (document.hidden) this.query.stop();
      else this.query.start(this.watched.sql, this.watched.args);
    });
    void this.learn();
  }

  /** A query that came with the address is shown, and run only when the person says so. */
  private open(sql: string | null, args: string | null): void {
    if (sql === null || sql === this.asked?.sql) return;
    this.editor.text = sql;
    this.fields.write(readArguments(args ?? '[]') ?? []);
  }

  private async learn(): Promise<void> {
    try {
      this.editor.speak(sqlLanguage(namesIn(readCatalogue(await postQuery(CATALOGUE)))));
    } catch (error) {
      // Completion is a help; without it the keywords are still known.
      if (!(error instanceof SourceFailure)) throw error;
    }
  }

  private exports(): HTMLElement[] {
    const save = (kind: FileKind) => () => void this.save(kind);
    return [
      button('CSV', { class: 'quiet', title: 'The result as a CSV file' }, save('csv')),
      button(
        'Arrow',
        { class: 'quiet', title: 'The result as an Arrow stream, with its types' },
        save('arrow'),
      ),
      button('Copy table', { class: 'quiet', title: 'For a spreadsheet' }, () => {
        if (this.answer !== null) void this.copy(this.grid.text('all'), 'the table');
      }),
      button('Copy link', { class: 'quiet', title: 'To this query, at this place' }, () => {
        this.keep(this.read());
        void this.copy(location.href, 'the link');
      }),
    ];
  }

  /** What stands in the editor and the fields; null, with words for it, when it cannot be asked. */
  private read(): Query | null {
    const sql = this.editor.text.trim();
    if (sql === '') return null;
    const args = holesIn(sql).length === 0 ? [] : this.fields.read();
    if (args === null) {
      this.say('The arguments are no JSON list: write them as [7, "text"], one value for each ?.');
      return null;
    }
    return { sql, args, turn: this.address.place.turn };
  }

  private keep(query: Query | null): void {
    if (query === null) return;
    const args = query.args.length === 0 ? null : JSON.stringify(query.args);
    this.address.replace({ sql: query.sql, args });
  }

  private press(): void {
    if (this.running !== null) this.running.abort();
    else this.runOnce();
  }

  private runOnce(): boolean {
    void this.issue();
    return true;
  }

  private async issue(): Promise<void> {
    this.setLive(null);
    const query = this.read();
    if (query === null) return;
    this.begin(query);
    const running = new AbortController();
    this.running?.abort();
    this.running = running;
    write(this.run, 'Stop');
    const startedAt = performance.now();
    try {
      const { answer, bytes } = await askExactly(query, running.signal);
      if (this.running === running) this.show(answer, { bytes, tookMs: performance.now() - startedAt });
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      if (this.running === running) this.refuse(error);
    } finally {
      if (this.running === running) {
        this.running = null;
        write(this.run, 'Run');
      }
    }
  }

  private toggleLive(): void {
    const query = this.watched === null ? this.read() : null;
    if (query !== null) this.begin(query);
    this.setLive(query);
  }

  private begin(query: Query): void {
    this.asked = query;
    this.keep(query);
    this.history.add({ sql: query.sql, args: JSON.stringify(query.args) });
    write(this.said, '');
  }

  private setLive(query: Query | null): void {
    if (query === null && this.watched === null) return;
    this.watched = query;
    this.live.setAttribute('aria-pressed', String(query !== null));
    if (query === null) this.query.stop();
    else this.query.start(query.sql, query.args);
  }

  private show(answer: Answer, about: { bytes: number; tookMs?: number; isLive?: boolean }): void {
    this.answer = answer;
    this.editor.mark([]);
    this.trouble.hidden = true;
    this.lower.classList.remove('stale');
    write(this.said, '');
    write(this.summary, summaryOf(answer, about));
    this.turnTo(this.view === 'chart' ? 'chart' : 'table');
  }

  private refuse(failure: SourceFailure): void {
    write(this.summary, '');
    write(this.trouble, failure.message);
    this.trouble.hidden = false;
    this.lower.classList.add('stale');
    // The editor has what was asked with the spaces around it.
    const text = this.editor.text;
    const place = placeOf(failure.message, text.trim());
    const before = text.length - text.trimStart().length;
    const problem = { message: failure.message, from: 0, to: 0 };
    if (place !== null) this.editor.mark([{ ...problem, from: place.from + before, to: place.to + before }]);
  }

  private turnTo(view: View): void {
    this.view = view;
    if (view === 'examples' || view === 'history') this.lower.classList.remove('stale');
    for (const [each, its] of Object.entries(this.views))
      its.setAttribute('aria-pressed', String(each === view));
    if (view !== 'chart') this.chart.clear();
    const load = (saved: Saved): void => {
      this.editor.text = saved.sql;
      this.fields.write(readArguments(saved.args) ?? []);
      this.runOnce();
    };
    const forget = (): void => {
      this.history.clear();
      this.turnTo('history');
    };
    if (view === 'examples') this.lower.replaceChildren(exampleList(load));
    else if (view === 'history') this.lower.replaceChildren(historyList(this.history.runs, load, forget));
    else this.showAs(view);
  }

  private showAs(view: 'table' | 'chart'): void {
    const shown = view === 'table' ? this.grid.host : this.chart.host;
    if (this.answer === null) {
      this.lower.replaceChildren(
        element('p', { class: 'muted' }, 'Nothing has been asked yet: write a query, or take an example.'),
      );
      return;
    }
    if (this.lower.firstChild !== shown) this.lower.replaceChildren(shown);
    this.grid.show(this.answer);
    if (view === 'chart') void this.chart.show(this.answer);
  }

  private async lead(column: GridColumn, row: readonly Value[], value: Value): Promise<void> {
    const sheet = window.innerWidth < ASIDE_PIXELS_MIN ? null : ('console' as const);
    if (column.leads === 'sid') {
      this.address.go({ ...intoSystem(Number(value)), sheet });
      return;
    }
    const at = this.answer?.columns.findIndex(({ name }) => name === 'sid') ?? -1;
    const sid = at < 0 ? await this.systemOf(value) : Number(row[at]);
    if (sid === null) this.say(`Entity ${String(value)} is not there any more.`);
    else this.address.go({ ...intoSystem(sid), eid: Number(value), sheet });
  }

  private async systemOf(eid: Value): Promise<number | null> {
    const { turn } = this.address.place;
    try {
      const answer = await postQuery({ sql: 'select sid from entity where eid = ?', args: [eid], turn });
      return (answer.rows[0]?.[0] as number | undefined) ?? null;
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      return null;
    }
  }

  private async save(kind: FileKind): Promise<void> {
    const query = this.asked ?? this.read();
    if (query === null) {
      this.say('There is no query yet whose result could be saved.');
      return;
    }
    try {
      this.say(await this.saved(query, kind));
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      this.say(`Not saved: ${error.message}`);
    }
  }

  /** The file has the rows that are shown, as long as their turn is kept. */
  private async saved(query: Query, kind: FileKind): Promise<string> {
    const turn = this.answer?.turn ?? query.turn;
    const cut = (isCut: boolean): string => (isCut ? ', cut at the server’s limit' : '');
    try {
      return `Saved${cut((await saveResult({ ...query, turn }, kind)).isCut)}.`;
    } catch (error) {
      if (!(error instanceof Refused) || turn === query.turn) throw error;
      const { isCut } = await saveResult(query, kind);
      return `Turn ${turn} is not kept any more: saved the newest one${cut(isCut)}.`;
    }
  }

  private async copy(text: string, what: string): Promise<void> {
    this.say((await copyText(text)) ? `Copied ${what}.` : `This browser did not let the page copy ${what}.`);
  }

  private say(words: string): void {
    write(this.said, words);
  }
}
