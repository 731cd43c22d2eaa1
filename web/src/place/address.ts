import { type Place, readPlace, writePlace } from './place';

/** A sight that changes with every frame is written when it has come to rest: browsers limit changes of the address. */
const REST_MS = 350;

/**
 * The address bar as the page's memory. `go` makes a step that Back undoes; `adjust` changes the present step.
 */
export class Address {
  private current: Place = readPlace(location.hash);
  private pending: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly onArrive: (place: Place, from: Place) => void) {
    // Fires for Back and Forward, and for an address typed or a link followed.
    window.addEventListener('popstate', () => this.arrive(readPlace(location.hash)));
    // The last sight must not be lost when the page is reloaded before it rests.
    window.addEventListener('pagehide', () => this.flush());
  }

  get place(): Place {
    return this.current;
  }

  go(change: Partial<Place>): void {
    this.flush();
    const next = { ...this.current, ...change };
    if (writePlace(next) !== writePlace(this.current)) history.pushState(null, '', writePlace(next));
    this.arrive(next);
  }

  adjust(change: Partial<Place>): void {
    this.current = { ...this.current, ...change };
    if (this.pending !== null) clearTimeout(this.pending);
    this.pending = setTimeout(() => this.flush(), REST_MS);
  }

  private flush(): void {
    if (this.pending === null) return;
    clearTimeout(this.pending);
    this.pending = null;
    history.replaceState(null, '', writePlace(this.current));
  }

  private arrive(place: Place): void {
    if (this.pending !== null) clearTimeout(this.pending);
    this.pending = null;
    const from = this.current;
    this.current = place;
    this.onArrive(place, from);
  }
}
