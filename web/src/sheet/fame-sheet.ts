import '../style/fame.css';
import { button, element, write } from '../panel/element';
import { emblem } from '../panel/emblem';
import type { FillSheet } from '../panel/fill-sheet';
import { brief, count } from '../panel/format';
import { type Place, writePlace } from '../place/place';
import { HEROES, type Hero } from '../sql/heroes';
import { at } from '../sql/question';

export const fillFame: FillSheet = (host, address, feed) => {
  const sheet = new FameSheet(host, () => address.place);
  feed.follow(
    (place) => (place.sheet === 'fame' ? at(HEROES, place.turn) : null),
    (heroes) => sheet.show(heroes),
  );
};

export type Order = 'name' | 'age' | 'kills' | 'energy' | 'died';

interface Column {
  readonly order: Order;
  readonly label: string;
  readonly title: string;
  readonly text: (hero: Hero) => string;
}

const AGE: Column = {
  order: 'age',
  label: 'Age',
  title: 'Turns that it has lived',
  text: ({ age }) => brief(age),
};
const KILLS: Column = {
  order: 'kills',
  label: 'Kills',
  title: 'Ships that it felled',
  text: ({ kills }) => brief(kills),
};
const LIVING: readonly Column[] = [
  { order: 'energy', label: 'Energy', title: 'What it holds now', text: ({ energy }) => brief(energy) },
  KILLS,
  AGE,
];
const FALLEN: readonly Column[] = [
  { order: 'energy', label: 'Energy', title: 'The most it ever held', text: ({ energy }) => brief(energy) },
  KILLS,
  AGE,
  {
    order: 'died',
    label: 'Fell',
    title: 'The turn in which it fell',
    text: ({ diedTid }) => count(diedTid ?? 0),
  },
];

/** Names from A to Z; of all else the most first. Equal ones by energy, then by number. */
export function sorted(heroes: readonly Hero[], order: Order): Hero[] {
  const key = {
    name: () => 0,
    age: (hero: Hero) => hero.age,
    kills: (hero: Hero) => hero.kills,
    energy: (hero: Hero) => hero.energy,
    died: (hero: Hero) => hero.diedTid ?? 0,
  }[order];
  const byName = (a: Hero, b: Hero): number => (order === 'name' ? a.name.localeCompare(b.name, 'en') : 0);
  return [...heroes].sort((a, b) => byName(a, b) || key(b) - key(a) || b.energy - a.energy || a.eid - b.eid);
}

/** How much of a system is seen around a hero, in cells. */
const HERO_SPAN = 24;

/** A living hero is followed where it flies; of one that fell, the place is shown in the turn of its fall. */
export function placeOf(hero: Hero, place: Place): Place {
  const { eid, sid, x, y, diedTid } = hero;
  const kept = {
    ...place,
    isFollowing: false,
    isTouring: false,
    play: null,
    sheet: null,
    sql: null,
    args: null,
  };
  const sight = x === null || y === null ? null : { x: x + 0.5, y: y + 0.5, span: HERO_SPAN };
  if (diedTid !== null) return { ...kept, turn: diedTid, sid, eid, sight };
  return { ...kept, sid, eid, isFollowing: true, sight };
}

/** Who is known by name: the living, and the hall of fame of the fallen. */
class FameSheet {
  private readonly choices = new Map<boolean, HTMLButtonElement>();
  private readonly table = element('table', { class: 'heroes' });
  private readonly none = element('p', { class: 'muted' });
  private heroes: readonly Hero[] | null = null;
  private isFallen = false;
  /** Whom the place named when the list was last turned to it. */
  private sought: number | null = null;
  private order: Order = 'energy';

  constructor(
    host: HTMLElement,
    private readonly place: () => Place,
  ) {
    for (const [isFallen, label] of [
      [false, 'The living'],
      [true, 'Hall of fame'],
    ] as const)
      this.choices.set(
        isFallen,
        button(label, { class: 'quiet', 'aria-pressed': 'false' }, () => {
          this.isFallen = isFallen;
          this.order = isFallen ? 'died' : 'energy';
          this.draw();
        }),
      );
    host.append(
      element(
        'div',
        { class: 'switch fame-switch', role: 'group', 'aria-label': 'Show' },
        ...this.choices.values(),
      ),
      this.none,
      this.table,
    );
    this.draw();
  }

  show(heroes: readonly Hero[] | null): void {
    // Without an answer what was known stays, until there is one.
    this.heroes = heroes ?? this.heroes;
    const isSought = this.seek();
    this.draw();
    if (isSought) this.table.querySelector('.is-sought')?.scrollIntoView({ block: 'center' });
  }

  /** Turns to the fallen for who comes for one of them; returns whether that is so since now. */
  private seek(): boolean {
    const { eid } = this.place();
    if (eid === this.sought || this.heroes === null) return false;
    this.sought = eid;
    if (!this.heroes.some((hero) => hero.eid === eid && hero.diedTid !== null)) return false;
    this.isFallen = true;
    this.order = 'died';
    return true;
  }

  private draw(): void {
    for (const [isFallen, choice] of this.choices)
      choice.setAttribute('aria-pressed', String(isFallen === this.isFallen));
    const heroes = (this.heroes ?? []).filter((hero) => (hero.diedTid !== null) === this.isFallen);
    write(this.none, heroes.length > 0 ? '' : this.absence());
    this.none.hidden = heroes.length > 0;
    this.table.hidden = heroes.length === 0;
    this.table.classList.toggle('is-fallen', this.isFallen);
    const focused = document.activeElement?.id ?? '';
    const columns = this.isFallen ? FALLEN : LIVING;
    const head = element(
      'tr',
      {},
      this.head('name', 'Ship', 'Its name and rank'),
      ...columns.map(({ order, label, title }) => this.head(order, label, title)),
    );
    this.table.replaceChildren(
      element('caption', { class: 'unseen' }, this.isFallen ? 'Hall of fame' : 'The living'),
      element('thead', {}, head),
      element('tbody', {}, ...sorted(heroes, this.order).flatMap((hero) => this.rows(hero, columns))),
    );
    // The table is another one after each answer: whoever had the focus in it keeps it.
    if (focused.startsWith('hero-')) document.getElementById(focused)?.focus();
  }

  private absence(): string {
    if (this.heroes === null) return 'Asking …';
    return this.isFallen
      ? 'No ship of a name has fallen yet.'
      : 'No ship has made itself a name yet: ranks come with energy and kills.';
  }

  private head(order: Order, label: string, title: string): HTMLElement {
    const isSorted = order === this.order;
    const sort = button(
      label,
      { class: 'term', id: `hero-by-${order}`, title: `${title}: sort by it` },
      () => {
        this.order = order;
        this.draw();
      },
    );
    const direction = order === 'name' ? 'ascending' : 'descending';
    return element('th', { scope: 'col', ...(isSorted ? { 'aria-sort': direction } : {}) }, sort);
  }

  private rows(hero: Hero, columns: readonly Column[]): HTMLElement[] {
    const { eid, name, rank, strategy, obituary } = hero;
    const link = element(
      'a',
      { href: writePlace(placeOf(hero, this.place())), id: `hero-${eid}` },
      emblem(strategy),
      name,
    );
    const row = element(
      'tr',
      eid === this.sought ? { class: 'is-sought' } : {},
      element(
        'th',
        { scope: 'row' },
        link,
        element('span', { class: 'muted small hero-rank' }, `${rank} of ${strategy}`),
      ),
      ...columns.map(({ text, order }) =>
        element('td', { class: order === this.order ? 'is-sorted' : '' }, text(hero)),
      ),
    );
    if (obituary === null || !this.isFallen) return [row];
    const words = element('td', { colspan: String(columns.length + 1), class: 'obituary' }, obituary);
    return [row, element('tr', { class: 'of-obituary' }, words)];
  }
}
