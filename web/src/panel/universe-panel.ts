import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import { periodOf } from '../sql/period';
import { at } from '../sql/question';
import { STANDINGS, type Standing } from '../sql/strategies';
import { TURNS, TURNS_KEPT, type TurnRecord } from '../sql/turns';
import { toCss } from '../view/colour';
import { strategyColour } from '../view/look';
import { element, write } from './element';
import { emblem } from './emblem';
import { brief, count, milliseconds, seconds, short } from './format';
import { Sparkline } from './sparkline';

const UNKNOWN = '–';

/** What the figures of the panel say; every one comes from the turns that SQL returned. */
export interface Figures {
  readonly turn: string;
  readonly turnTime: string;
  readonly period: string;
  readonly ships: string;
  readonly nodes: string;
  readonly writes: string;
  readonly writesPerSecond: string;
  readonly kills: string;
  readonly late: string;
}

/** `turns` newest first. Kills and late turns are those of the turns given. */
export function figuresOf(turns: readonly TurnRecord[]): Figures | null {
  const newest = turns[0];
  if (newest === undefined) return null;
  const periodMs = periodOf(turns);
  const sum = (of: (turn: TurnRecord) => number): number =>
    turns.reduce((total, turn) => total + of(turn), 0);
  return {
    turn: count(newest.tid),
    turnTime: milliseconds(newest.endMs - newest.startMs),
    period: periodMs === null ? UNKNOWN : seconds(periodMs),
    ships: short(newest.ships),
    nodes: short(newest.nodes),
    writes: short(newest.writes),
    writesPerSecond: periodMs === null ? UNKNOWN : short((newest.writes * 1000) / periodMs),
    kills: short(sum((turn) => turn.kills)),
    late: count(sum((turn) => (turn.isLate ? 1 : 0))),
  };
}

/** Nothing is known yet, or any more, but which turn it is about. */
function unknownAt(turn: number | null): Figures {
  return {
    turn: turn === null ? UNKNOWN : count(turn),
    turnTime: UNKNOWN,
    period: UNKNOWN,
    ships: UNKNOWN,
    nodes: UNKNOWN,
    writes: UNKNOWN,
    writesPerSecond: UNKNOWN,
    kills: UNKNOWN,
    late: UNKNOWN,
  };
}

const CELLS: readonly (readonly [keyof Figures, string, string])[] = [
  ['ships', 'Ships', 'Living ships at the end of the turn'],
  ['nodes', 'Energy nodes', 'Energy nodes at the end of the turn'],
  ['writes', 'Writes a turn', 'Rows written by the newest turn'],
  ['writesPerSecond', 'Writes a second', 'Rows written by the newest turn, over the period'],
  ['kills', 'Kills', `Ships shot down in the last ${TURNS_KEPT} turns`],
  ['late', 'Late turns', `Turns of the last ${TURNS_KEPT} that took longer than their period`],
];

/** The universe's figures, and the strategies that fly in it. */
export class UniversePanel {
  private readonly values = new Map<keyof Figures, HTMLElement>();
  private readonly sparkline = new Sparkline(TURNS_KEPT);
  private readonly standings = element('tbody');
  private readonly late = element('div', { class: 'figure' });

  constructor(
    host: HTMLElement,
    private readonly address: Pick<Address, 'place' | 'listen'>,
    feed: Pick<Feed, 'follow'>,
  ) {
    const cells = CELLS.map(([key, label, title]) => {
      const cell = key === 'late' ? this.late : element('div', { class: 'figure' });
      cell.title = title;
      cell.append(element('dt', {}, label), this.value(key, 'dd'));
      return cell;
    });
    host.append(
      element(
        'div',
        { class: 'turn' },
        element(
          'div',
          {},
          element('h2', { class: 'label' }, 'Turn'),
          this.value('turn', 'output', { id: 'turn' }),
        ),
        element(
          'div',
          { class: 'turn-time' },
          element('span', { class: 'label' }, 'Turn time'),
          element(
            'span',
            {},
            this.value('turnTime', 'b', { id: 'turn-time' }),
            ' of ',
            this.value('period', 'span'),
          ),
        ),
      ),
      this.sparkline.element,
      element('dl', { class: 'figures' }, ...cells),
      element(
        'table',
        { class: 'standings' },
        element('caption', { class: 'label' }, 'Strategies'),
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            ...['Name', 'Energy', 'Ships', 'Kills', 'Faults'].map((name) =>
              element('th', { scope: 'col', title: titles[name] ?? '' }, name),
            ),
          ),
        ),
        this.standings,
      ),
    );
    address.listen((place, from) => {
      if (place.turn !== from?.turn) this.showTurns([]);
    });
    feed.follow(
      (place) => at(TURNS, place.turn),
      (turns) => this.showTurns(turns ?? []),
    );
    feed.follow(
      (place) => at(STANDINGS, place.turn),
      (standings) => this.showStandings(standings ?? []),
    );
  }

  private showTurns(turns: readonly TurnRecord[]): void {
    const figures = figuresOf(turns) ?? unknownAt(this.address.place.turn);
    for (const [key, value] of this.values) write(value, figures[key]);
    this.late.classList.toggle('warning', !['0', UNKNOWN].includes(figures.late));
    this.sparkline.show(turns);
  }

  private showStandings(standings: readonly Standing[]): void {
    const most = Math.max(1, ...standings.map((standing) => standing.energy));
    this.standings.replaceChildren(
      ...standings.map((standing) => {
        const colour = toCss(strategyColour(standing.strategy));
        const share = element('span', { class: 'share' });
        share.style.width = `${(standing.energy / most) * 100}%`;
        share.style.background = colour;
        return element(
          'tr',
          {},
          element(
            'th',
            { scope: 'row' },
            emblem(standing.strategy),
            element('span', { class: 'name' }, standing.strategy),
            share,
          ),
          ...[standing.energy, standing.ships, standing.kills].map((value) =>
            element('td', { title: count(value) }, brief(value)),
          ),
          element('td', { class: standing.faults > 0 ? 'warning' : '' }, brief(standing.faults)),
        );
      }),
    );
  }

  private value(key: keyof Figures, tag: 'dd' | 'b' | 'span' | 'output', attributes = {}): HTMLElement {
    const made = element(tag, attributes, UNKNOWN);
    this.values.set(key, made);
    return made;
  }
}

const titles: Readonly<Record<string, string>> = {
  Ships: 'Living ships',
  Energy: 'Energy of its ships: who has most is stronger, however many ships others have',
  Kills: `Kills in the last ${TURNS_KEPT} turns`,
  Faults: `Faults in the last ${TURNS_KEPT} turns`,
};
