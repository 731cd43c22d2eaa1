import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import { periodOf } from '../sql/period';
import { at } from '../sql/question';
import { TURNS, TURNS_KEPT, type TurnRecord } from '../sql/turns';
import { element, write } from './element';
import { count, milliseconds, seconds, short } from './format';
import { Phases } from './phases';
import { Sparkline } from './sparkline';
import { Standings } from './standings';
import { figure, term } from './tips';

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
    period:
      periodMs === null
        ? UNKNOWN
        : periodMs < 995
          ? `${Math.round(periodMs / 10) * 10} ms`
          : seconds(periodMs),
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
  ['nodes', 'Energy nodes', 'Places where ships harvest energy; a ship that falls leaves one'],
  ['writes', 'Writes a turn', 'Rows that the newest turn wrote, in one transaction'],
  ['writesPerSecond', 'Writes a second', 'Rows that the newest turn wrote, over the period'],
  ['kills', 'Kills', `Ships shot down in the last ${TURNS_KEPT} turns`],
  ['late', 'Late turns', `Turns of the last ${TURNS_KEPT} that took longer than their period`],
];

/** The universe at a glance: which turn it is, who is winning, and how fast turns are played. */
export class UniversePanel {
  private readonly values = new Map<keyof Figures, HTMLElement>();
  private readonly sparkline = new Sparkline(TURNS_KEPT);
  private late: HTMLElement | null = null;

  constructor(
    host: HTMLElement,
    private readonly address: Pick<Address, 'place' | 'listen' | 'go' | 'replace'>,
    feed: Pick<Feed, 'follow'>,
  ) {
    const cells = CELLS.map(([key, label, tip]) => {
      const cell = figure(label, tip, this.value(key, 'dd'));
      if (key === 'late') this.late = cell;
      return cell;
    });
    const standings = new Standings(address, feed);
    const phases = new Phases(feed);
    host.append(
      element(
        'div',
        { class: 'turn' },
        element(
          'h2',
          { class: 'label' },
          term('Turn', 'How many steps this universe has taken; a turn is one transaction'),
        ),
        this.value('turn', 'output', { id: 'turn' }),
      ),
      phases.watching,
      standings.summary,
      standings.element,
      element(
        'div',
        { class: 'turn-time' },
        element(
          'h2',
          { class: 'label' },
          term('Turn time', 'How long the newest turn took, of the time between two turns'),
        ),
        element(
          'span',
          {},
          this.value('turnTime', 'b', { id: 'turn-time' }),
          ' of ',
          this.value('period', 'span'),
        ),
      ),
      this.sparkline.element,
      phases.element,
      element('dl', { class: 'figures three' }, ...cells),
    );
    address.listen((place, from) => {
      host.classList.toggle('is-open', place.sheet === 'standings');
      if (place.turn !== from?.turn) this.showTurns([]);
    });
    feed.follow(
      (place) => at(TURNS, place.turn),
      (turns) => this.showTurns(turns ?? []),
    );
  }

  private showTurns(turns: readonly TurnRecord[]): void {
    const figures = figuresOf(turns) ?? unknownAt(this.address.place.turn);
    for (const [key, value] of this.values) write(value, figures[key]);
    this.late?.classList.toggle('warning', !['0', UNKNOWN].includes(figures.late));
    this.sparkline.show(turns);
  }

  private value(key: keyof Figures, tag: 'dd' | 'b' | 'span' | 'output', attributes = {}): HTMLElement {
    const made = element(tag, attributes, UNKNOWN);
    this.values.set(key, made);
    return made;
  }
}
