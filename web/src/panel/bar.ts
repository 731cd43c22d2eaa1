import type { Address } from '../place/address';
import { MAP, writePlace } from '../place/place';
import type { Post } from '../source/request';
import { byId } from './element';
import { Search } from './search';

/** The bar at the top: the way to the map, and to whatever is searched for. */
export class Bar {
  private readonly field: Search;

  constructor(address: Pick<Address, 'place' | 'listen' | 'go'>, post: Post) {
    this.field = new Search(address, post);
    const brand = byId('brand') as HTMLAnchorElement;
    // On a narrow window the tools are a menu, which closes with the choice.
    const tools = byId('tools');
    tools.addEventListener('click', () => {
      if (tools.matches(':popover-open')) tools.hidePopover();
    });
    // Who wants more than an embedded page shows opens the whole one at the same place.
    address.listen((place) => {
      const whole = { ...place, isEmbedded: false, hidden: [], isTouring: false };
      brand.href = writePlace(place.isEmbedded ? whole : { ...MAP, turn: place.turn });
    });
  }

  search(): void {
    this.field.focus();
  }
}
