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
    address.listen(({ turn }) => {
      brand.href = writePlace({ ...MAP, turn });
    });
  }

  search(): void {
    this.field.focus();
  }
}
