import type { Address } from '../place/address';
import type { Place } from '../place/place';
import { TO_LIVE } from '../place/step';
import { byId, write } from './element';
import { count } from './format';

/** Says where the page is and when: in the title, to screen readers, and, of a past turn, with the way back to live. */
export function tellWhereabouts(address: Pick<Address, 'listen' | 'go'>): void {
  const back = byId('to-live');
  back.addEventListener('click', () => address.go(TO_LIVE));
  address.listen((place, from) => {
    if (place.sid === from?.sid && place.turn === from?.turn) return;
    const isPast = place.turn !== null;
    document.body.classList.toggle('is-past', isPast);
    back.hidden = !isPast;
    document.title = titleOf(place);
    const where = whereOf(place);
    byId('sky').setAttribute('aria-label', where);
    // The tour says what it shows; the place besides, and each turn that is played, would be too much to listen to.
    if (!place.isTouring && place.play === null) write(byId('where'), where);
  });
}

export function titleOf({ sid, turn }: Pick<Place, 'sid' | 'turn'>): string {
  const system = sid === null ? [] : [`System ${sid}`];
  const past = turn === null ? [] : [`Turn ${count(turn)}`];
  return [...system, ...past, 'Wasmverse'].join(' · ');
}

export function whereOf({ sid, turn }: Pick<Place, 'sid' | 'turn'>): string {
  const where = sid === null ? 'Map of the universe' : `System ${sid}`;
  return turn === null ? where : `${where}, as it was at turn ${count(turn)}`;
}
