import { button, element } from '../panel/element';
import { emblem } from '../panel/emblem';
import { brief, count } from '../panel/format';
import type { Fate } from '../sql/fate';
import { STANDING_TURNS } from '../sql/standings';

/** How a strategy fares, beside its source: figures, the last fault, and what it printed. */
export function fateList(name: string, fate: Fate, onFly: () => void): HTMLElement {
  const figures: readonly (readonly [string, string])[] = [
    ['Ships', brief(fate.ships)],
    ['Energy', brief(fate.energy)],
    ['Rank', fate.rank === null ? '–' : String(fate.rank)],
    [`Kills, ${STANDING_TURNS} turns`, brief(fate.kills)],
    [`Lost, ${STANDING_TURNS} turns`, brief(fate.deaths)],
    [`Faults, ${STANDING_TURNS} turns`, brief(fate.faults)],
    ['Fuel a ship', fate.fuelPerShip === null ? '–' : brief(fate.fuelPerShip)],
  ];
  const isGrounded = fate.status === 'grounded';
  return element(
    'section',
    { 'aria-label': `How ${name} fares` },
    element(
      'div',
      { class: 'row' },
      element('h3', {}, emblem(name), `${name}, version ${count(fate.version)}`),
      element('span', { class: isGrounded ? 'badge grounded' : 'badge' }, fate.status),
      fate.birth === null ? null : button('Follow its youngest ship', { class: 'quiet' }, onFly),
    ),
    element(
      'dl',
      { class: 'fate-figures' },
      ...figures.map(([label, value]) =>
        element('div', {}, element('dt', {}, label), element('dd', {}, value)),
      ),
    ),
    fate.lastFault === null
      ? null
      : element(
          'p',
          { class: 'fault small' },
          `${isGrounded ? 'Grounded after' : 'Last fault'}: ${fate.lastFault}`,
        ),
    fate.log.length === 0
      ? null
      : element(
          'pre',
          { class: 'small', tabindex: '0', 'aria-label': 'What it printed' },
          fate.log.join('\n'),
        ),
  );
}
