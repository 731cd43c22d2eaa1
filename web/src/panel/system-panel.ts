import type { Entity, SystemState } from '../sql/system';
import type { SystemPlace } from '../sql/systems';
import { strategyColour, toCss } from '../view/colour';
import { button, dot, element, write } from './element';
import { count, short } from './format';

export interface SystemActions {
  onLeave(): void;
  /** +1 the next ship by eid, -1 the one before. */
  onStep(step: 1 | -1): void;
}

/** The system in view: its size, and the fleets in it with their colours. */
export class SystemPanel {
  private readonly title = element('h2', { id: 'system-title' });
  private readonly place = element('p', { class: 'muted' });
  private readonly fleets = element('ul', { class: 'fleets', 'aria-label': 'Ships by strategy' });
  private readonly absence = element('p', { class: 'absence', role: 'status' });

  constructor(
    private readonly host: HTMLElement,
    actions: SystemActions,
  ) {
    const steps = element(
      'div',
      { class: 'row steps' },
      button('‹', { class: 'quiet', 'aria-label': 'Ship before', title: 'Ship before (p)' }, () =>
        actions.onStep(-1),
      ),
      element('span', { class: 'label' }, 'Ships'),
      button('›', { class: 'quiet', 'aria-label': 'Next ship', title: 'Next ship (n)' }, () =>
        actions.onStep(1),
      ),
    );
    host.append(
      element(
        'div',
        { class: 'row' },
        this.title,
        button('Map', { class: 'quiet', title: 'Back to the map (Escape)' }, actions.onLeave),
      ),
      this.place,
      this.absence,
      this.fleets,
      steps,
    );
  }

  open(sid: number | null): void {
    this.host.hidden = sid === null;
    if (sid === null) return;
    write(this.title, `System ${sid}`);
    write(this.place, '');
    write(this.absence, '');
    this.fleets.replaceChildren();
  }

  showAbsence(text: string): void {
    write(this.absence, text);
  }

  show(place: SystemPlace | null, state: SystemState): void {
    const ships = state.entities.filter((entity) => entity.kind === 'ship');
    const nodes = state.entities.length - ships.length;
    const at = place === null ? '' : `at ${place.x}, ${place.y} · `;
    write(this.place, `${at}${count(ships.length)} ships · ${count(nodes)} nodes`);
    const fleets = fleetsOf(ships);
    this.fleets.replaceChildren(
      ...fleets.map((fleet) =>
        element(
          'li',
          {},
          dot(toCss(strategyColour(fleet.strategy))),
          element('span', { class: 'name' }, fleet.strategy),
          element('span', { class: 'number', title: `${short(fleet.energy)} energy` }, count(fleet.ships)),
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

/** The ships of one system by strategy, the largest fleet first, then by name. */
export function fleetsOf(ships: readonly Entity[]): Fleet[] {
  const fleets = new Map<string, Fleet>();
  for (const ship of ships) {
    const strategy = ship.strategy ?? '';
    const fleet = fleets.get(strategy) ?? { strategy, ships: 0, energy: 0 };
    fleets.set(strategy, { strategy, ships: fleet.ships + 1, energy: fleet.energy + ship.energy });
  }
  return [...fleets.values()].sort((a, b) => b.ships - a.ships || (a.strategy < b.strategy ? -1 : 1));
}

/** The eid to select after `current` when stepping through the ships; null when there are none. */
export function stepped(state: SystemState, current: number | null, step: 1 | -1): number | null {
  const eids = state.entities.filter((entity) => entity.kind === 'ship').map((ship) => ship.eid);
  eids.sort((a, b) => a - b);
  if (step === 1) return eids.find((eid) => current === null || eid > current) ?? eids[0] ?? null;
  return eids.reverse().find((eid) => current === null || eid < current) ?? eids[0] ?? null;
}
