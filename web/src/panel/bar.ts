import type { Address } from '../place/address';
import { MAP, writePlace } from '../place/place';
import { intoSystem } from '../place/step';
import { byId } from './element';

/** The bar at the top: the way to the map, and to a system by its number. */
export class Bar {
  private readonly input = byId('search-sid') as HTMLInputElement;

  constructor(address: Pick<Address, 'listen' | 'go'>) {
    byId('search').addEventListener('submit', (event) => {
      event.preventDefault();
      const sid = /^\s*(\d+)\s*$/.exec(this.input.value)?.[1];
      this.input.setAttribute('aria-invalid', String(sid === undefined));
      if (sid === undefined) return;
      this.input.value = '';
      this.input.blur();
      address.go(intoSystem(Number(sid)));
    });
    const brand = byId('brand') as HTMLAnchorElement;
    address.listen(({ turn }) => {
      brand.href = writePlace({ ...MAP, turn });
    });
  }

  search(): void {
    this.input.focus();
  }
}
