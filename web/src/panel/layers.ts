import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import type { Layer } from '../place/place';
import { intoSystem } from '../place/step';
import { type Figure, layerQuestion } from '../sql/map';
import { at } from '../sql/question';
import { SUMMARIES, type SystemSummary } from '../sql/systems';
import { toCss } from '../view/colour';
import { figuresOf, LAYERS, layerAfter, peakOf } from '../view/layers';
import { element, write } from './element';
import { count } from './format';

/** What the map shows beside its stars: territories, or one figure of every system with the legend of its colours. */
export class Layers {
  private readonly choice = element('select', {
    id: 'layer',
    title: 'What lies over the map (h: the next one)',
  });
  private readonly bar = element('div', { class: 'ramp', role: 'img' });
  private readonly least = element('span');
  private readonly most = element('span');
  private readonly peak = element('button', { type: 'button', class: 'quiet peak' });
  private summaries: readonly SystemSummary[] = [];
  private asked: readonly Figure[] | null = null;
  private peakSid: number | null = null;

  constructor(
    choice: HTMLElement,
    private readonly legend: HTMLElement,
    private readonly address: Pick<Address, 'place' | 'listen' | 'go' | 'replace'>,
    feed: Pick<Feed, 'follow'>,
  ) {
    this.choice.append(
      element('option', { value: '' }, 'Territories'),
      ...Object.entries(LAYERS).map(([layer, { name }]) => element('option', { value: layer }, name)),
    );
    this.choice.addEventListener('change', () => this.show((this.choice.value || null) as Layer | null));
    this.peak.addEventListener('click', () => {
      if (this.peakSid !== null) address.go(intoSystem(this.peakSid));
    });
    this.legend.append(this.bar, element('div', { class: 'ends' }, this.least, this.most), this.peak);
    choice.append(element('label', { class: 'unseen', for: 'layer' }, 'The map shows'), this.choice);
    address.listen(({ layer, sid }) => {
      choice.hidden = sid !== null;
      this.choice.value = layer ?? '';
      this.describe();
    });
    feed.follow(
      ({ sid, turn, layer }) => (sid === null && layer !== null ? at(SUMMARIES, turn) : null),
      (summaries) => {
        this.summaries = summaries ?? [];
        this.describe();
      },
    );
    feed.follow(
      ({ sid, turn, layer }) => (sid === null ? layerQuestion(layer, turn) : null),
      (asked) => {
        this.asked = asked;
        this.describe();
      },
    );
  }

  /** The next layer, and after the last one territories again. */
  next(): void {
    if (this.address.place.sid === null) this.show(layerAfter(this.address.place.layer));
  }

  private show(layer: Layer | null): void {
    this.address.replace({ layer });
  }

  private describe(): void {
    const { layer, sid } = this.address.place;
    this.legend.hidden = layer === null || sid !== null;
    if (layer === null) return;
    const { least, most, unit, title, ramp } = LAYERS[layer];
    this.legend.title = title;
    this.bar.setAttribute('aria-label', `${title}: from ${least} to ${most}`);
    this.bar.style.background = `linear-gradient(90deg, ${ramp.map(toCss).join(', ')})`;
    write(this.least, least);
    write(this.most, most);
    const peak = peakOf(figuresOf(layer, this.summaries, this.asked) ?? []);
    this.peakSid = peak?.sid ?? null;
    this.peak.hidden = peak === null;
    if (peak !== null) write(this.peak, `Most: ${amountOf(peak.value, unit)} in system ${peak.sid}`);
  }
}

/** A number of something: `7 battles`, `1 battle`. */
export function amountOf(value: number, unit: string): string {
  return `${count(value)} ${value === 1 ? unit.replace(/^(ship|battle)s/, '$1') : unit}`;
}
