import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import { toEntity } from '../place/step';
import { type Entity, type SystemState, systemQuestion } from '../sql/system';
import { toCss } from '../view/colour';
import { inkOf, strategyColour } from '../view/look';
import { button, element, write } from './element';
import { count } from './format';

const SHIELD_FULL = 100;

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

/** The selected entity: every column SQL has of it. */
export class EntityPanel {
  private readonly kind = element('span', { class: 'label' });
  private readonly title = element('h3', {});
  private readonly strategy = element('p', { class: 'strategy' });
  private readonly gone = element('p', { class: 'absence', role: 'status' });
  private readonly shield = element('span', { class: 'meter-value' });
  private readonly values = new Map<string, { cell: HTMLElement; value: HTMLElement }>();
  private readonly plan = element('p', { class: 'plan', id: 'entity-plan' });
  private readonly lastPlan = element('p', { class: 'plan muted', id: 'entity-last-plan' });
  private readonly follow: HTMLButtonElement;
  private readonly planBox: HTMLElement;
  private eid: number | null = null;
  private state: SystemState | null = null;
  private wasShip = false;

  constructor(
    private readonly host: HTMLElement,
    private readonly address: Pick<Address, 'place' | 'listen' | 'go'>,
    feed: Pick<Feed, 'follow'>,
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
    this.planBox = element(
      'div',
      { class: 'plan-box' },
      element('span', { class: 'label' }, 'Plan'),
      this.plan,
      this.lastPlan,
    );
    host.append(
      element(
        'div',
        { class: 'row' },
        element('div', {}, this.kind, this.title),
        element(
          'div',
          { class: 'row' },
          this.follow,
          button('×', { class: 'quiet round', 'aria-label': 'Close', title: 'Close (Escape)' }, () =>
            address.go(toEntity(address.place, null)),
          ),
        ),
      ),
      this.strategy,
      this.gone,
      element('dl', { class: 'figures three' }, ...cells),
      this.planBox,
    );
    address.listen((place, from) => {
      if (place.sid !== from?.sid || place.turn !== from?.turn) {
        this.state = null;
        this.eid = null;
      }
      this.open(place.eid, place.isFollowing);
      this.describe();
    });
    feed.follow(systemQuestion, (state) => {
      this.state = state;
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
    for (const node of [this.strategy, this.plan, this.lastPlan]) write(node, '');
    for (const { value } of this.values.values()) write(value, '–');
  }

  private describe(): void {
    const { eid } = this.address.place;
    if (this.state !== null && eid !== null) this.show(this.state, eid);
  }

  private show(state: SystemState, eid: number): void {
    const entity = state.entities.find((each) => each.eid === eid);
    this.host.classList.toggle('is-gone', entity === undefined);
    if (entity === undefined) {
      write(this.gone, `Entity ${eid} is gone: this system does not hold it.`);
      return;
    }
    const isShip = entity.kind === 'ship';
    // A fallen ship goes on as a node under the same eid: the panel stays with it and says so.
    this.wasShip ||= isShip;
    write(this.gone, this.wasShip && !isShip ? 'This ship has fallen; its energy shines on as a node.' : '');
    write(this.kind, isShip ? 'Ship' : 'Energy node');
    write(this.strategy, entity.strategy ?? '');
    this.strategy.hidden = !isShip;
    this.host.style.setProperty(
      '--accent',
      isShip ? toCss(inkOf(strategyColour(entity.strategy ?? ''))) : '#ffc46b',
    );
    for (const [, read, id] of FIELDS) {
      const field = this.values.get(id);
      if (field === undefined) continue;
      field.cell.hidden = !isShip && !NODE_FIELDS.has(id);
      write(field.value, read(entity));
    }
    this.shield.style.width = `${Math.min(100, (entity.shield / SHIELD_FULL) * 100)}%`;
    this.planBox.hidden = !isShip;
    write(this.plan, entity.plan ?? '…');
    write(this.lastPlan, `last_plan ${entity.lastPlan}`);
  }
}
