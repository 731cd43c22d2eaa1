import type { Address } from '../place/address';
import { MAP, writePlace } from '../place/place';
import { intoSystem } from '../place/step';
import { byId, write } from './element';

/** The bar at the top: the way to the map, and to a system by its number. */
export class Bar {
  private readonly input = byId('search-sid') as HTMLInputElement;

  constructor(address: Pick<Address, 'listen' | 'go'>) {
    byId('search').addEventListener('submit', (event) => {
      event.preventDefault();
      const sid = /^\s*(\d+)\s*$/.exec(this.input.value)?.[1];
      this.hint(sid === undefined ? searchWords(this.input.value) : '');
      if (sid === undefined) return;
      this.input.value = '';
      this.input.blur();
      address.go(intoSystem(Number(sid)));
    });
    this.input.addEventListener('input', () => this.hint(''));
    const brand = byId('brand') as HTMLAnchorElement;
    address.listen(({ turn }) => {
      brand.href = writePlace({ ...MAP, turn });
    });
  }

  private hint(words: string): void {
    const hint = byId('search-hint');
    write(hint, words);
    hint.hidden = words === '';
    this.input.setAttribute('aria-invalid', String(words !== ''));
  }

  search(): void {
    this.input.focus();
  }
}

export function searchWords(text: string): string {
  const said = text.trim();
  return said === ''
    ? 'Type the number of a system, such as 42.'
    : `“${said.slice(0, 40)}” is no number of a system: type one such as 42.`;
}
