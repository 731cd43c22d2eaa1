import { type Place, readPlace, writePlace } from './place';

/** A sight that changes with every frame is written when it has come to rest: browsers limit changes of the address. */
const REST_MS = 350;
/** A place that changes by itself is written once in so long. */
const DRIFT_MS = 1000;

/** Is told of each place at which the page arrives; `from` is null for the first one. */
export type Arrive = (place: Place, from: Place | null) => void;

/**
 * The address bar as the page's memory. `go` makes a step that Back undoes; `adjust` changes the present step, without a
 * word to anybody.
 */
export class Address {
  private readonly listeners: Arrive[] = [];
  private current: Place = readPlace(location.hash);
  private pending: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    // Fires for Back and Forward, and for an address typed or a link followed.
    window.addEventListener('popstate', () => this.arrive(readPlace(location.hash)));
    // The last sight must not be lost when the page is reloaded before it rests.
    window.addEventListener('pagehide', () => this.flush());
  }

  get place(): Place {
    return this.current;
  }

  /** The listener is told of the present place at once, and of each later one. */
  listen(listener: Arrive): void {
    this.listeners.push(listener);
    listener(this.current, null);
  }

  go(change: Partial<Place>): void {
    this.flush();
    const next = { ...this.current, ...change };
    if (writePlace(next) !== writePlace(this.current)) history.pushState(null, '', writePlace(next));
    this.arrive(next);
  }

  /** Changes the present step as `adjust` does, at once, and tells who listens. */
  replace(change: Partial<Place>): void {
    this.flush();
    const next = { ...this.current, ...change };
    history.replaceState(null, '', writePlace(next));
    this.arrive(next);
  }

  /** As `replace`, for a place that changes by itself, many times a second perhaps: the address follows. */
  drift(change: Partial<Place>): void {
    const from = this.current;
    this.current = { ...from, ...change };
    this.pending ??= setTimeout(() => this.flush(), DRIFT_MS);
    for (const listener of this.listeners) listener(this.current, from);
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
    for (const listener of this.listeners) listener(place, from);
  }
}
