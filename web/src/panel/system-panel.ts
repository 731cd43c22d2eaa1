import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import { TO_MAP, toEntity } from '../place/step';
import { at } from '../sql/question';
import { type Entity, type SystemState, systemQuestion } from '../sql/system';
import { PLACES, type SystemPlace } from '../sql/systems';
import { button, element, write } from './element';
import { emblem } from './emblem';
import { count, short } from './format';

/** The system in view: its size, and the fleets in it with their colours. */
export class SystemPanel {
  private readonly title = element('h2', { id: 'system-title' });
  private readonly place = element('p', { class: 'muted' });
  private readonly fleets = element('ul', { class: 'fleets', 'aria-label': 'Energy and ships by strategy' });
  private readonly heading = element('p', { class: 'label fleets-heading', 'aria-hidden': 'true' });
  private readonly absence = element('p', { class: 'absence', role: 'status' });
  /** By sid; null until they are known. */
  private places: ReadonlyMap<number, SystemPlace> | null = null;
  private state: SystemState | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly address: Pick<Address, 'place' | 'listen' | 'go'>,
    feed: Pick<Feed, 'follow'>,
  ) {
    const steps = element(
      'div',
      { class: 'row steps' },
      button('‹', { class: 'quiet', 'aria-label': 'Ship before', title: 'Ship before (p)' }, () =>
        this.step(-1),
      ),
      element('span', { class: 'label' }, 'Ships'),
      button('›', { class: 'quiet', 'aria-label': 'Next ship', title: 'Next ship (n)' }, () => this.step(1)),
      button('Nearest enemy', { class: 'quiet', title: 'Nearest ship of another strategy (e)' }, () =>
        this.nearestOther(),
      ),
    );
    host.append(
      element(
        'div',
        { class: 'row' },
        this.title,
        button('Map', { class: 'quiet', title: 'Back to the map (Escape)' }, () => address.go(TO_MAP)),
      ),
      this.place,
      this.absence,
      this.heading,
      this.fleets,
      steps,
    );
    address.listen((place, from) => {
      if (place.sid !== from?.sid) this.open(place.sid);
    });
    feed.follow(
      (place) => at(PLACES, place.turn),
      (places) => {
        this.places = places === null ? null : new Map(places.map((place) => [place.sid, place]));
        this.describe();
      },
    );
    feed.follow(systemQuestion, (state) => {
      this.state = state;
      this.describe();
    });
  }

  /** Selects the next ship by eid, +1, or the one before, -1. */
  step(step: 1 | -1): void {
    const { place } = this.address;
    if (this.state !== null) this.address.go(toEntity(place, stepped(this.state, place.eid, step)));
  }

  /** Selects the ship of another strategy that is nearest to the selected one. */
  nearestOther(): void {
    const { place } = this.address;
    const eid = this.state === null ? null : nearestOther(this.state, place.eid);
    if (eid !== null) this.address.go(toEntity(place, eid));
  }

  private open(sid: number | null): void {
    this.host.hidden = sid === null;
    if (sid === null) return;
    write(this.title, `System ${sid}`);
    this.describe();
  }

  private describe(): void {
    const { sid } = this.address.place;
    if (sid === null) return;
    const place = this.places?.get(sid);
    const isAbsent = this.places !== null && place === undefined;
    write(this.absence, isAbsent ? `There is no system ${sid} in this universe.` : '');
    const entities = this.state?.entities ?? [];
    const ships = entities.filter((entity) => entity.kind === 'ship');
    write(this.heading, ships.length > 0 ? 'energy · ships' : '');
    const nodes = entities.length - ships.length;
    const cell = place === undefined ? '' : `at ${place.x}, ${place.y} · `;
    const contents = `${cell}${count(ships.length)} ships · ${count(nodes)} nodes`;
    write(this.place, this.state === null ? '' : contents);
    this.fleets.replaceChildren(
      ...fleetsOf(ships).map((fleet) =>
        element(
          'li',
          {},
          emblem(fleet.strategy),
          element('span', { class: 'name' }, fleet.strategy),
          element(
            'span',
            { class: 'number', title: `${count(fleet.energy)} energy in ${count(fleet.ships)} ships` },
            `${short(fleet.energy)} · ${count(fleet.ships)}`,
          ),
        ),
      ),
    );
  }
}

export interface Fleet {
  readonly strategy: string;
  readonly ships: number;
  readonly energy: number;
}

/** The ships of one system by strategy: the fleet with most energy first, which decides battles; then by name. */
export function fleetsOf(ships: readonly Entity[]): Fleet[] {
  const fleets = new Map<string, Fleet>();
  for (const ship of ships) {
    const strategy = ship.strategy ?? '';
    const fleet = fleets.get(strategy) ?? { strategy, ships: 0, energy: 0 };
    fleets.set(strategy, { strategy, ships: fleet.ships + 1, energy: fleet.energy + ship.energy });
  }
  return [...fleets.values()].sort((a, b) => b.energy - a.energy || (a.strategy < b.strategy ? -1 : 1));
}

/** The eid to select after `current` when stepping through the ships; null when there are none. */
export function stepped(state: SystemState, current: number | null, step: 1 | -1): number | null {
  const eids = state.entities.filter((entity) => entity.kind === 'ship').map((ship) => ship.eid);
  eids.sort((a, b) => a - b);
  if (step === 1) return eids.find((eid) => current === null || eid > current) ?? eids[0] ?? null;
  return eids.reverse().find((eid) => current === null || eid < current) ?? eids[0] ?? null;
}

/** The eid of the ship of another strategy that is nearest to a ship; the strongest ship's where none is selected. */
export function nearestOther(state: SystemState, eid: number | null): number | null {
  const ships = state.entities.filter((entity) => entity.kind === 'ship');
  const from = ships.find((ship) => ship.eid === eid);
  const far = (ship: Entity): number =>
    from === undefined ? -ship.energy : Math.hypot(ship.x - from.x, ship.y - from.y);
  const others = ships.filter((ship) => from === undefined || ship.strategy !== from.strategy);
  return others.sort((a, b) => far(a) - far(b) || a.eid - b.eid)[0]?.eid ?? null;
}
