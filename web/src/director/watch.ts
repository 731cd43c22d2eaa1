import type { Feed } from '../feed/feed';
import type { After } from '../feed/supply';
import { byId } from '../panel/element';
import type { Address } from '../place/address';
import type { Place } from '../place/place';
import { type Step, TO_LIVE } from '../place/step';
import { listenToInput } from './input';
import type { Tour } from './tour';

/** Without input for so long, the tour begins by itself. */
const IDLE_SECONDS = 20;
/** Who has selected something looks at it: the tour waits so many times as long. */
const PATIENCE_SELECTED = 3;

/** These keys end or begin the tour themselves; on the button, so do those that press it. */
const OWN_KEYS: ReadonlySet<string> = new Set(['w', 'Escape']);
const PRESS_KEYS: ReadonlySet<string> = new Set(['Enter', ' ']);

/** How long to wait without input until the tour begins, in milliseconds; null where it does not begin by itself. */
export function idleMs(place: Place): number | null {
  const { turn, sheet, eid, isTouring, idleSeconds } = place;
  const seconds = idleSeconds ?? IDLE_SECONDS;
  if (seconds === 0 || isTouring || turn !== null || sheet !== null) return null;
  return seconds * 1000 * (eid === null ? 1 : PATIENCE_SELECTED);
}

/** Begins and ends the tour: by the button, by the key, after a while without input; any input ends it. */
export class Watch {
  private readonly opener = byId('watch');
  private cancel: (() => void) | null = null;
  private isLive = false;
  private isLoaded = false;
  private tour: Pick<Tour, 'isReplaying'> | null = null;

  constructor(
    private readonly address: Address,
    private readonly feed: Feed,
    private readonly sky: { halt(): Step },
    private readonly after: After,
  ) {
    this.opener.addEventListener('click', () => this.toggle());
    feed.listen({
      onConnection: ({ state }) => {
        this.isLive = state === 'live';
      },
      onFailure: () => undefined,
    });
    listenToInput((event) => this.notice(event));
    address.listen((place, from) => {
      document.body.toggleAttribute('data-tour', place.isTouring);
      this.opener.setAttribute('aria-pressed', String(place.isTouring));
      if (place.isTouring) void this.load();
      if (place.isTouring !== from?.isTouring || place.sheet !== from.sheet || place.turn !== from.turn)
        this.wait();
    });
  }

  toggle(): void {
    if (this.address.place.isTouring) this.takeOver();
    else this.address.go({ isTouring: true, sheet: null });
  }

  private notice(event: Event): void {
    this.wait();
    if (!this.address.place.isTouring || document.body.hasAttribute('data-embed')) return;
    if (!this.isOwn(event)) this.takeOver();
  }

  private isOwn(event: Event): boolean {
    const isOnOpener = event.target instanceof Node && this.opener.contains(event.target);
    if (!(event instanceof KeyboardEvent)) return isOnOpener;
    return OWN_KEYS.has(event.key) || (isOnOpener && PRESS_KEYS.has(event.key));
  }

  /** The camera stays where it is, even in the middle of a flight; a fall that the tour plays again is left for what is live. */
  private takeOver(): void {
    const back = this.tour?.isReplaying ? TO_LIVE : {};
    this.address.replace({ ...this.sky.halt(), ...back, isTouring: false });
  }

  private wait(): void {
    this.cancel?.();
    const waitMs = idleMs(this.address.place);
    this.cancel = waitMs === null ? null : this.after(waitMs, () => this.beginIdle());
  }

  private beginIdle(): void {
    // Where there is nothing to be seen, nobody who sees it, or somebody who reads the welcome, the wait begins again.
    if (!this.isLive || document.hidden || 'welcome' in document.body.dataset) this.wait();
    else this.address.go({ isTouring: true });
  }

  private async load(): Promise<void> {
    if (this.isLoaded) return;
    this.isLoaded = true;
    const { beginTours } = await import('./begin');
    this.tour = beginTours(this.address, this.feed, this.after);
  }
}
