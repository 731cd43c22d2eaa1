import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import { toEntity } from '../place/step';
import type { Post } from '../source/request';
import { type Ranked, ranksQuestion } from '../sql/ranks';
import { historyQuestion, type LifeEvent, type Look, lifeQuestion, lookQuestion } from '../sql/ship';
import { type Entity, type SystemState, systemQuestion } from '../sql/system';
import { toCss } from '../view/colour';
import { inkOf, NODE_COLOUR, SHIELD_FULL, strategyColour } from '../view/look';
import { readPlan } from '../view/plan';
import type { Tracks } from '../view/track';
import { button, element, write } from './element';
import { count } from './format';
import type { ShipHour } from './hour';
import { lifeOf } from './life';
import { Sparkrow } from './sparkrow';

type Field = readonly [label: string, read: (entity: Entity) => string, id: string];

const FIELDS: readonly Field[] = [
  ['Cell', (entity) => `${entity.x}, ${entity.y}`, 'cell'],
  ['Energy', (entity) => count(entity.energy), 'energy'],
  ['Shield', (entity) => count(entity.shield), 'shield'],
  ['Blasters', (entity) => count(entity.blasters), 'blasters'],
  ['Thrusters', (entity) => count(entity.thrusters), 'thrusters'],
  ['Harvesters', (entity) => count(entity.harvesters), 'harvesters'],
];
/** What a node has no use for is not shown on it. */
const NODE_FIELDS = new Set(['cell', 'energy']);

/** The selected entity: every column SQL has of it, what it has decided, what it sees, and what became of it until now. */
export class EntityPanel {
  private readonly kind = element('span', { class: 'label' });
  private readonly name = element('p', { class: 'ship-name', id: 'entity-name' });
  private readonly title = element('h3', {});
  private readonly strategy = element('p', { class: 'strategy' });
  private readonly gone = element('p', { class: 'absence', role: 'status' });
  private readonly shield = element('span', { class: 'meter-value' });
  private readonly values = new Map<string, { cell: HTMLElement; value: HTMLElement }>();
  private readonly words = element('p', { class: 'plan-words', id: 'entity-plan-words' });
  private readonly memory = element('ol', { class: 'memory', id: 'entity-memory' });
  private readonly plan = element('p', { class: 'plan muted', id: 'entity-plan' });
  private readonly lastPlan = element('p', { class: 'plan muted', id: 'entity-last-plan' });
  private readonly sight = element('p', { class: 'sight', id: 'entity-sight' });
  private readonly energyCourse = new Sparkrow('Energy', 'entity-energy-course');
  private readonly shieldCourse = new Sparkrow('Shield', 'entity-shield-course');
  private readonly life = element('ol', { class: 'life', id: 'entity-life', 'aria-label': 'Its life' });
  private readonly follow: HTMLButtonElement;
  private readonly hourOpener: HTMLButtonElement;
  private readonly hourPlace = element('div', { class: 'hour-place' });
  private hour: ShipHour | null = null;
  private readonly shipBox: HTMLElement;
  private eid: number | null = null;
  private state: SystemState | null = null;
  private look: Look | null = null;
  private ranks: readonly Ranked[] = [];
  private events: readonly LifeEvent[] = [];
  private wasShip = false;

  constructor(
    private readonly host: HTMLElement,
    private readonly address: Pick<Address, 'place' | 'listen' | 'go'>,
    feed: Pick<Feed, 'follow'>,
    /** Is filled here, for all who draw of it. */
    private readonly tracks: Tracks,
    private readonly post: Post,
  ) {
    const cells = FIELDS.map(([label, , id]) => {
      const value = element('dd', { id: `entity-${id}` }, '–');
      const cell = element('div', { class: 'figure' }, element('dt', {}, label), value);
      if (id === 'shield')
        cell.append(element('span', { class: 'meter', 'aria-hidden': 'true' }, this.shield));
      this.values.set(id, { cell, value });
      return cell;
    });
    this.follow = button(
      'Follow',
      { class: 'quiet', 'aria-pressed': 'false', title: 'Keep it in the middle (f)' },
      () => address.go({ isFollowing: this.follow.getAttribute('aria-pressed') !== 'true' }),
    );
    this.hourOpener = button(
      'Its last hour',
      {
        class: 'quiet',
        id: 'entity-hour-opener',
        'aria-expanded': 'false',
        title: 'How it was in earlier turns, as far as they are kept',
      },
      () => void this.toggleHour(),
    );
    this.shipBox = element(
      'div',
      { class: 'ship-box' },
      element('div', { class: 'courses' }, this.energyCourse.element, this.shieldCourse.element),
      this.hourOpener,
      this.hourPlace,
      element(
        'div',
        { class: 'plan-box' },
        element('span', { class: 'label' }, 'Plan'),
        this.words,
        this.sight,
        element('span', { class: 'label' }, 'Memory'),
        this.memory,
        element(
          'details',
          { class: 'raw' },
          element('summary', { class: 'label' }, 'As it is stored'),
          this.plan,
          this.lastPlan,
        ),
      ),
    );
    host.append(
      element(
        'div',
        { class: 'row' },
        element('div', { class: 'who' }, this.name, this.kind, this.title),
        button('×', { class: 'quiet round', 'aria-label': 'Close', title: 'Close (Escape)' }, () =>
          address.go(toEntity(address.place, null)),
        ),
      ),
      element('div', { class: 'row' }, this.strategy, this.follow),
      this.gone,
      element('dl', { class: 'figures three' }, ...cells),
      this.shipBox,
      this.life,
    );
    address.listen((place, from) => {
      if (place.sid !== from?.sid) this.tracks.clear();
      if (place.sid !== from?.sid || place.turn !== from?.turn) {
        this.state = null;
        this.eid = null;
      }
      // What is asked turn by turn ends with what it is about.
      if (place.sid !== from?.sid || place.eid !== from.eid || place.turn !== from.turn) this.closeHour();
      this.open(place.eid, place.isFollowing);
      this.describe();
    });
    feed.follow(systemQuestion, (state) => {
      this.state = state;
      if (state !== null) this.tracks.take(state);
      this.describe();
    });
    feed.follow(lookQuestion, (look) => {
      this.look = look;
      this.describe();
    });
    feed.follow(ranksQuestion, (ranks) => {
      this.ranks = ranks ?? [];
      this.describe();
    });
    feed.follow(historyQuestion, (history) => {
      if (history === null) return;
      this.tracks.add(history.eid, history.marks);
      this.describe();
    });
    feed.follow(lifeQuestion, (events) => {
      this.events = events ?? [];
      this.describe();
    });
  }

  private open(eid: number | null, isFollowing: boolean): void {
    this.host.hidden = eid === null;
    this.follow.setAttribute('aria-pressed', String(isFollowing));
    if (eid === null || eid === this.eid) return;
    this.eid = eid;
    this.wasShip = false;
    write(this.title, String(eid));
    write(this.kind, 'Entity');
    write(this.gone, '');
    for (const node of [this.name, this.strategy, this.words, this.sight, this.plan, this.lastPlan])
      write(node, '');
    for (const { value } of this.values.values()) write(value, '–');
    this.memory.replaceChildren();
    this.life.replaceChildren();
  }

  private async toggleHour(): Promise<void> {
    if (this.hourOpener.getAttribute('aria-expanded') === 'true') return this.closeHour();
    this.hourOpener.setAttribute('aria-expanded', 'true');
    const { ShipHour } = await import('./hour');
    const { sid, eid, turn } = this.address.place;
    if (sid === null || eid === null || this.hourOpener.getAttribute('aria-expanded') === 'false') return;
    this.hour ??= new ShipHour(this.post);
    this.hourPlace.replaceChildren(this.hour.element);
    await this.hour.open(sid, eid, turn);
  }

  private closeHour(): void {
    this.hourOpener.setAttribute('aria-expanded', 'false');
    this.hour?.close();
    this.hourPlace.replaceChildren();
  }

  private describe(): void {
    const { eid } = this.address.place;
    if (this.state === null || eid === null) return;
    this.show(this.state, eid);
    this.showLife();
  }

  private show(state: SystemState, eid: number): void {
    const entity = state.entities.find((each) => each.eid === eid);
    this.host.classList.toggle('is-gone', entity === undefined);
    this.showCourses(eid);
    if (entity === undefined) {
      write(this.gone, `Entity ${eid} is gone: this system does not hold it.`);
      return;
    }
    const isShip = entity.kind === 'ship';
    // A fallen ship goes on as a node under the same eid: the panel stays with it and says so.
    this.wasShip ||= isShip;
    write(this.gone, this.wasShip && !isShip ? 'This ship has fallen; its energy shines on as a node.' : '');
    write(this.kind, isShip ? 'Ship' : 'Energy node');
    if (this.look?.eid === eid) write(this.name, this.look.name);
    write(this.strategy, subtitleOf(entity, this.ranks));
    this.strategy.hidden = !isShip;
    this.host.style.setProperty(
      '--accent',
      toCss(isShip ? inkOf(strategyColour(entity.strategy ?? '')) : NODE_COLOUR),
    );
    for (const [, read, id] of FIELDS) {
      const field = this.values.get(id);
      if (field === undefined) continue;
      field.cell.hidden = !isShip && !NODE_FIELDS.has(id);
      write(field.value, read(entity));
    }
    this.shield.style.width = `${Math.min(100, (entity.shield / SHIELD_FULL) * 100)}%`;
    this.shipBox.hidden = !isShip;
    if (isShip) this.showPlan(entity, state);
  }

  private showPlan(entity: Entity, state: SystemState): void {
    const plan = entity.plan === null ? null : readPlan(entity.plan);
    write(this.words, plan?.words ?? '…');
    write(this.plan, entity.plan ?? '…');
    write(this.lastPlan, `last_plan ${entity.lastPlan}`);
    if (plan !== null) showMemory(this.memory, plan.memory);
    write(this.sight, this.look?.eid === entity.eid ? sightOf(entity, state, this.look) : '');
  }

  private showCourses(eid: number): void {
    const marks = this.tracks.of(eid, this.address.place.turn);
    const points = (of: 'energy' | 'shield') => marks.map((mark) => ({ tid: mark.tid, value: mark[of] }));
    this.energyCourse.show(points('energy'), null);
    this.shieldCourse.show(points('shield'), SHIELD_FULL);
  }

  private showLife(): void {
    const lines = lifeOf(this.events);
    const shown = lines.map(({ tid, text }) => `${count(tid)} ${text}`).join('\n');
    if (this.life.dataset.shown === shown) return;
    this.life.dataset.shown = shown;
    this.life.replaceChildren(
      ...lines.map(({ tid, kind, text }) =>
        element(
          'li',
          { class: kind },
          element('span', { class: 'number' }, count(tid)),
          element('span', {}, text),
        ),
      ),
    );
  }
}

/** Whose ship it is, and of which rank if it has one. */
export function subtitleOf({ eid, strategy }: Entity, ranks: readonly Ranked[]): string {
  const rank = ranks.find((ranked) => ranked.eid === eid)?.rank ?? '';
  return rank === '' ? (strategy ?? '') : `${rank.charAt(0).toUpperCase()}${rank.slice(1)} of ${strategy}`;
}

/** Each byte in a box of its own; one that has changed since the last answer shines. */
function showMemory(list: HTMLElement, bytes: readonly string[]): void {
  while (list.childElementCount < bytes.length) list.append(element('li', {}));
  while (list.childElementCount > bytes.length) list.lastElementChild?.remove();
  bytes.forEach((byte, place) => {
    const box = list.children[place];
    if (box === undefined) return;
    box.classList.toggle('is-new', box.textContent !== '' && box.textContent !== byte);
    box.classList.toggle('is-zero', byte === '00');
    write(box, byte);
  });
}

/** How many a ship sees: of its own strategy, of others, and nodes. */
export function sightOf(ship: Entity, state: SystemState, look: Look): string {
  const seen = state.entities.filter((entity) => look.sees(entity));
  const ships = seen.filter(({ kind }) => kind === 'ship');
  const others = ships.filter(({ strategy }) => strategy !== ship.strategy).length;
  const own = ships.length - others;
  const nodes = seen.length - ships.length;
  const parts = [
    several(others, 'ship of others', 'ships of others'),
    several(own, 'of its own', 'of its own'),
    several(nodes, 'node', 'nodes'),
  ];
  return `Sees ${parts.join(', ')} within ${look.reach} cells`;
}

function several(number: number, one: string, many: string): string {
  return `${number === 0 ? 'no' : count(number)} ${number === 1 ? one : many}`;
}
