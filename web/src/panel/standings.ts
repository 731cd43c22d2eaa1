import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import { toIsolated } from '../place/step';
import { at } from '../sql/question';
import { HISTORY, HISTORY_TURNS, STANDINGS, type Standing } from '../sql/standings';
import { NUMBERS } from '../sql/strategies';
import { toCss } from '../view/colour';
import { strategyColour } from '../view/look';
import {
  type Bands,
  bandAt,
  bandsOf,
  extended,
  joined,
  type Moment,
  momentOf,
  momentsOf,
  type Rank,
  ranksOf,
  shareAt,
} from '../view/shares';
import { isCalm } from './calm';
import { button, element, write } from './element';
import { emblem } from './emblem';
import { count, percent } from './format';
import { Leaderboard } from './leaderboard';

/** All strategies without a band of their own. */
const OTHERS = '#7d8aa8';

/** What the panel needs of the chart; it is a file of its own, loaded once there is something to draw. */
interface Chart {
  show(bands: Bands, paints: readonly { colour: string; weight: 'plain' | 'out' | 'back' }[]): void;
}

/** Who is winning: the shares of the last turns as bands, and the strategies in order. */
export class Standings {
  readonly element: HTMLElement;
  /** Who leads, in one line: what a narrow window shows of all this until it is pressed. */
  readonly summary: HTMLButtonElement;
  private readonly leader = element('span', { class: 'leader' });
  private led = '';
  private readonly board: Leaderboard;
  private readonly plot = element('div', { class: 'shares-chart', role: 'img' });
  private readonly readout = element('p', { class: 'readout' });
  private readonly switches: readonly HTMLButtonElement[];
  private chart: Chart | null = null;
  private isAsked = false;
  private history: readonly Moment[] = [];
  private seen: readonly Moment[] = [];
  private standings: readonly Standing[] = [];
  private bands: Bands = { tids: [], bands: [] };
  private pointed: { index: number; height: number } | null = null;

  constructor(
    private readonly address: Pick<Address, 'place' | 'listen' | 'go' | 'replace'>,
    feed: Pick<Feed, 'follow'>,
  ) {
    this.board = new Leaderboard(isCalm, (strategy) => this.pick(strategy));
    this.switches = (['energy', 'ships'] as const).map((measure) =>
      button(
        measure === 'energy' ? 'Energy' : 'Ships',
        { class: 'quiet', 'data-tip': `Draw the shares of all ${measure === 'energy' ? 'energy' : 'ships'}` },
        () => address.replace({ measure }),
      ),
    );
    this.element = element(
      'section',
      { class: 'winning', 'aria-labelledby': 'winning-title' },
      element(
        'div',
        { class: 'row' },
        element('h2', { class: 'label', id: 'winning-title' }, 'Who is winning'),
        element('div', { class: 'switch', role: 'group', 'aria-label': 'Shares of' }, ...this.switches),
      ),
      this.plot,
      this.readout,
      this.board.element,
    );
    this.summary = button('', { class: 'summary', 'aria-controls': 'universe' }, () =>
      address.go({ sheet: address.place.sheet === 'standings' ? null : 'standings' }),
    );
    this.summary.append(element('span', { class: 'unseen' }, 'Who is winning: '), this.leader);
    new ResizeObserver(() => this.open()).observe(this.plot);
    address.listen((place, from) => {
      if (place.turn !== from?.turn) {
        this.history = [];
        this.seen = [];
      }
      this.draw();
    });
    feed.follow(
      ({ turn }) => at(HISTORY, turn),
      (holdings) => {
        this.history = momentsOf(holdings ?? []);
        this.draw();
      },
    );
    feed.follow(
      ({ turn }) => at(STANDINGS, turn),
      (standings) => {
        this.standings = standings ?? [];
        const moment = momentOf(this.standings);
        if (moment !== null) this.seen = extended(this.seen, moment);
        this.open();
        this.draw();
      },
    );
    feed.follow(
      ({ turn }) => at(NUMBERS, turn),
      () => this.draw(),
    );
  }

  /** The chart is loaded once there is something to draw and room to draw it in: after the first picture. */
  private open(): void {
    if (this.isAsked || this.standings.length === 0 || this.plot.clientWidth === 0) return;
    this.isAsked = true;
    import('../chart/share-chart').then(
      ({ ShareChart }) => {
        this.chart = new ShareChart(this.plot, {
          onPoint: (at) => {
            this.pointed = at;
            this.read();
          },
          onPick: ({ index, height }) => {
            const strategy = bandAt(this.bands, index, height);
            if (strategy !== null) this.pick(strategy);
          },
        });
        this.draw();
      },
      () => {
        // The figures say the same; the next answer tries again.
        this.isAsked = false;
      },
    );
  }

  private pick(strategy: string): void {
    this.address.go(toIsolated(this.address.place, strategy));
  }

  private draw(): void {
    const { isolate, measure } = this.address.place;
    for (const [i, each] of (['energy', 'ships'] as const).entries())
      this.switches[i]?.setAttribute('aria-pressed', String(each === measure));
    const ranks = ranksOf(this.standings);
    this.board.show(ranks, isolate);
    this.summarise(ranks[0]);
    const order = ranks.map(({ standing }) => standing.strategy);
    this.bands = bandsOf(joined(this.history, this.seen), order, measure);
    this.plot.setAttribute('aria-label', chartWords(this.bands, measure));
    this.chart?.show(
      this.bands,
      this.bands.bands.map(({ strategy }) => ({
        colour: strategy === null ? OTHERS : toCss(strategyColour(strategy)),
        weight: isolate === null ? 'plain' : strategy === isolate ? 'out' : 'back',
      })),
    );
    this.read();
  }

  private summarise(first: Rank | undefined): void {
    this.summary.setAttribute('aria-expanded', String(this.address.place.sheet === 'standings'));
    const { strategy } = first?.standing ?? { strategy: '' };
    const share = first === undefined ? '' : percent(first.energyShare);
    const look = `${strategy} ${share} ${strategyColour(strategy)}`;
    if (this.led === look) return;
    this.led = look;
    this.leader.replaceChildren(
      ...(first === undefined
        ? []
        : [emblem(strategy), element('span', {}, strategy), element('b', {}, share)]),
    );
  }

  /** What is under the pointer, or from when to when the chart reaches. */
  private read(): void {
    const { tids } = this.bands;
    const tid = this.pointed === null ? undefined : tids[this.pointed.index];
    if (this.pointed === null || tid === undefined) {
      write(this.readout, spanWords(tids));
      return;
    }
    const { index, height } = this.pointed;
    const strategy = bandAt(this.bands, index, height);
    const share = percent(shareAt(this.bands, index, strategy));
    write(this.readout, `${strategy ?? 'Others'}: ${share} at turn ${count(tid)}`);
  }
}

export function spanWords(tids: readonly number[]): string {
  const [first, last] = [tids[0], tids.at(-1)];
  if (first === undefined || last === undefined || first === last)
    return `Shares of the last ${HISTORY_TURNS} turns`;
  return `Turns ${count(first)} to ${count(last)}`;
}

export function chartWords(bands: Bands, measure: 'energy' | 'ships'): string {
  const newest = bands.tids.length - 1;
  const shares = bands.bands.map(
    ({ strategy }) => `${strategy ?? 'others'} ${percent(shareAt(bands, newest, strategy))}`,
  );
  const what = measure === 'energy' ? 'energy' : 'ships';
  return `Shares of ${what} over the last ${HISTORY_TURNS} turns; now ${shares.join(', ')}`;
}
