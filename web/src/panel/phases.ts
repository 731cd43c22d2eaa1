import type { Feed } from '../feed/feed';
import { PHASES, type Phase, TURN_COST, type TurnCost } from '../sql/phases';
import { at } from '../sql/question';
import { element, write } from './element';
import { milliseconds } from './format';
import { term } from './tips';

const TIPS: Readonly<Record<Phase, string>> = {
  read: 'Reading the committed state from the database',
  observe: 'Finding what every ship sees',
  decide: 'Calling the strategies, in WebAssembly',
  resolve: 'Applying the rules to all plans',
  commit: 'Writing all of it, in one durable transaction',
  publish: 'Laying the turn out for those who ask',
};

/** How the time of a turn is spent, phase by phase, and how many watch. */
export class Phases {
  readonly element: HTMLElement;
  /** For a place of its own: how many watch is no part of the turn's time. */
  readonly watching: HTMLElement;
  private readonly bars = new Map<Phase, HTMLElement>();
  private readonly times = new Map<Phase, HTMLElement>();
  private readonly watchers = element('span', {});

  constructor(feed: Pick<Feed, 'follow'>) {
    const bar = element('div', { class: 'phase-bar', 'aria-hidden': 'true' });
    const list = element('ul', { 'aria-label': 'Phases of the turn' });
    for (const phase of PHASES) {
      const part = element('span', { class: phase });
      const time = element('span', {});
      bar.append(part);
      list.append(element('li', { class: phase }, term(phase, TIPS[phase]), ' ', time));
      this.bars.set(phase, part);
      this.times.set(phase, time);
    }
    this.watching = element(
      'p',
      { class: 'watching' },
      this.watchers,
      ' ',
      term('watching', 'Connections with live queries, this one among them'),
    );
    this.watching.hidden = true;
    this.element = element('div', { class: 'phases' }, bar, list);
    this.element.hidden = true;
    feed.follow(
      ({ turn }) => at(TURN_COST, turn),
      (cost) => this.show(cost),
    );
  }

  private show(cost: TurnCost | null): void {
    this.element.hidden = cost === null;
    this.watching.hidden = cost === null;
    if (cost === null) return;
    const shares = sharesOf(cost);
    for (const phase of PHASES) {
      const bar = this.bars.get(phase);
      if (bar !== undefined) bar.style.width = `${(shares[phase] * 100).toFixed(2)}%`;
      const time = this.times.get(phase);
      if (time !== undefined) write(time, milliseconds(cost.seconds[phase] * 1000));
    }
    write(this.watchers, String(cost.watchers));
  }
}

/** The part of a turn's time that each phase took; they are 1 together. */
export function sharesOf({ seconds }: TurnCost): Readonly<Record<Phase, number>> {
  const all = PHASES.reduce((sum, phase) => sum + seconds[phase], 0);
  return Object.fromEntries(PHASES.map((phase) => [phase, all > 0 ? seconds[phase] / all : 0])) as Record<
    Phase,
    number
  >;
}
