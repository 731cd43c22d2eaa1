import { STANDING_TURNS } from '../sql/standings';
import { toCss } from '../view/colour';
import { strategyColour } from '../view/look';
import type { Rank, Trend } from '../view/shares';
import { button, element, write } from './element';
import { emblem } from './emblem';
import { brief, count, percent } from './format';
import { term } from './tips';

const MOVE_MS = 650;

const COLUMNS: readonly (readonly [string, string])[] = [
  [
    'Energy',
    'Its share of the energy of all ships. It decides the order: energy wins battles, numbers do not',
  ],
  ['Ships', 'Its share of all living ships'],
  ['Kills', `Ships it shot down in the last ${STANDING_TURNS} turns`],
  [
    'Faults',
    `Calls of its code that failed in the last ${STANDING_TURNS} turns; such a ship holds for a turn`,
  ],
];

const TRENDS: Readonly<Record<Trend, readonly [mark: string, words: string]>> = {
  rising: ['▲', 'rising'],
  falling: ['▼', 'falling'],
  steady: ['', 'steady'],
};

/** The strategies in order. Their rows stay and move, so that the eye, the pointer and the focus can follow one. */
export class Leaderboard {
  readonly element: HTMLTableElement;
  private readonly body = element('tbody');
  private readonly rows = new Map<string, Line>();

  constructor(
    private readonly isCalm: () => boolean,
    private readonly onPick: (strategy: string) => void,
  ) {
    this.element = element(
      'table',
      { class: 'standings' },
      element('caption', { class: 'unseen' }, 'Strategies by energy'),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          element('th', { scope: 'col' }, element('span', { class: 'unseen' }, 'Strategy')),
          ...COLUMNS.map(([label, tip]) => element('th', { scope: 'col' }, term(label, tip))),
        ),
      ),
      this.body,
    );
  }

  /** The strongest first; `isolate` is the one that stands out on the map. */
  show(ranks: readonly Rank[], isolate: string | null): void {
    const names = new Set(ranks.map(({ standing }) => standing.strategy));
    for (const [name, line] of this.rows) {
      if (names.has(name)) continue;
      line.row.remove();
      this.rows.delete(name);
    }
    const most = Math.max(
      0.01,
      ...ranks.map(({ energyShare, shipShare }) => Math.max(energyShare, shipShare)),
    );
    const lines = ranks.map((rank, place) => {
      const line = this.lineOf(rank.standing.strategy);
      line.show(rank, place + 1, most, isolate);
      return line;
    });
    // Most strategies never fault: then no column tells of it.
    this.element.classList.toggle(
      'is-sound',
      ranks.every(({ standing }) => standing.faults === 0),
    );
    this.move(lines.map(({ row }) => row));
  }

  private lineOf(strategy: string): Line {
    const known = this.rows.get(strategy);
    if (known !== undefined) return known;
    const line = new Line(strategy, () => this.onPick(strategy));
    this.rows.set(strategy, line);
    return line;
  }

  /** Puts the rows into this order; each that was elsewhere glides from there. */
  private move(rows: readonly HTMLElement[]): void {
    if (rows.every((row, place) => this.body.children[place] === row)) return;
    const before = new Map(rows.filter((row) => row.isConnected).map((row) => [row, row.offsetTop]));
    const focused = document.activeElement;
    this.body.append(...rows);
    if (focused instanceof HTMLElement && this.body.contains(focused)) focused.focus({ preventScroll: true });
    if (this.isCalm()) return;
    for (const [row, top] of before) {
      const way = top - row.offsetTop;
      if (way === 0) continue;
      row.animate([{ transform: `translateY(${way}px)` }, { transform: 'none' }], {
        duration: MOVE_MS,
        easing: 'cubic-bezier(0.3, 0, 0.1, 1)',
      });
    }
  }
}

/** One strategy: what its row says. */
class Line {
  readonly row: HTMLTableRowElement;
  private readonly rank = element('span', { class: 'rank' });
  private readonly mark = element('span', { class: 'trend' });
  private readonly words = element('span', { class: 'unseen' });
  private readonly pick: HTMLButtonElement;
  private readonly sign = element('span', {});
  private readonly energyBar = element('span', { class: 'share' });
  private readonly shipBar = element('span', { class: 'share ships' });
  private readonly cells = COLUMNS.map(() => element('td'));
  private look = '';

  constructor(
    readonly strategy: string,
    onPick: () => void,
  ) {
    this.mark.setAttribute('aria-hidden', 'true');
    this.pick = button('', { class: 'pick' }, onPick);
    this.pick.append(this.sign, element('span', { class: 'name' }, strategy));
    this.row = element(
      'tr',
      {},
      element(
        'th',
        { scope: 'row' },
        element('div', { class: 'line' }, this.rank, this.pick, this.mark, this.words),
        element('div', { class: 'shares', 'aria-hidden': 'true' }, this.energyBar, this.shipBar),
      ),
      ...this.cells,
    );
  }

  show(
    { standing, energyShare, shipShare, trend }: Rank,
    place: number,
    most: number,
    isolate: string | null,
  ): void {
    const { strategy } = this;
    const colour = toCss(strategyColour(strategy));
    // Its number may be learned after its first line is drawn.
    if (this.look !== colour) this.sign.replaceChildren(emblem(strategy));
    this.look = colour;
    write(this.rank, String(place));
    const [mark, words] = TRENDS[trend];
    write(this.mark, mark);
    write(this.words, words);
    this.mark.className = `trend ${trend}`;
    const isOut = isolate === strategy;
    this.pick.setAttribute('aria-pressed', String(isOut));
    this.pick.dataset.tip = isOut
      ? `Show all territories again`
      : `${count(standing.energy)} energy in ${count(standing.ships)} ships, ${words}. Press to see its territory alone`;
    this.row.classList.toggle('is-back', isolate !== null && !isOut);
    this.energyBar.style.width = `${(energyShare / most) * 100}%`;
    this.shipBar.style.width = `${(shipShare / most) * 100}%`;
    for (const bar of [this.energyBar, this.shipBar]) bar.style.background = colour;
    const values = [percent(energyShare), percent(shipShare), brief(standing.kills), brief(standing.faults)];
    this.cells.forEach((cell, i) => {
      write(cell, values[i] ?? '');
    });
    this.cells[3]?.classList.toggle('warning', standing.faults > 0);
  }
}
