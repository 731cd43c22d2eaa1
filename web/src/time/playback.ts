import type { After } from '../feed/supply';
import type { Address } from '../place/address';
import { type Place, SPEED_MIN, SPEEDS, TURNS_A_PERIOD_MAX } from '../place/place';
import { TO_LIVE } from '../place/step';
import type { Kept } from '../sql/kept';

/** So many of the next turns are asked for before they are shown. */
const AHEAD = 3;
/** How often to look whether the next turn is there. */
const LOOK_MS = 40;
/** A turn that is not there by then is shown as soon as it is: the page says what it waits for. */
const PATIENCE_MS = 4000;

interface Supply {
  /** Asks for all that the page shows of a past turn; whether it is there. */
  prefetch(turn: number): boolean;
}

/** The turn that follows at a speed. */
export function strideOf(speed: number): number {
  return Math.max(1, Math.round(speed / TURNS_A_PERIOD_MAX));
}

/** The next speed that is faster, or slower; the same where there is none. */
export function otherSpeed(speed: number, direction: 1 | -1): number {
  const near = SPEEDS.reduce((best, each) => (Math.abs(each - speed) < Math.abs(best - speed) ? each : best));
  return SPEEDS[SPEEDS.indexOf(near) + direction] ?? near;
}

/** Moves the page through past turns, as its place says: `turn` and `play`. */
export class Playback {
  private cancel: (() => void) | null = null;
  private shownMs = 0;
  private kept: Kept | null = null;
  private keptMs = 0;
  private periodMs = 1000;
  /** The last speed, for the next time. */
  private speed = 1;
  /** A turn in slow motion: where it ends, and whether it began live; null when none is under way. */
  private slow: { readonly until: number; readonly wasLive: boolean } | null = null;
  private isPauseWanted = false;

  constructor(
    private readonly address: Pick<Address, 'place' | 'go' | 'drift' | 'listen'>,
    private readonly supply: Supply,
    private readonly after: After,
    private readonly now: () => number,
  ) {
    address.listen((place, from) => this.arrive(place, from));
  }

  know(kept: Kept): void {
    this.kept = kept;
    this.keptMs = this.now();
    if (this.isPauseWanted) this.toggle();
  }

  setPeriod(periodMs: number): void {
    this.periodMs = periodMs;
  }

  /** The newest turn by now, as far as that is known. */
  get newest(): number | null {
    if (this.kept === null) return null;
    return this.kept.newest + Math.max(0, Math.floor((this.now() - this.keptMs) / this.periodMs - 1));
  }

  /** Live: stand still at the newest turn; standing: go on; playing: stand still. */
  toggle(): void {
    const { turn, play } = this.address.place;
    // Before the server has said which turns there are, it is not known where to stand.
    this.isPauseWanted = turn === null && this.newest === null;
    if (turn === null) this.seek(this.newest);
    else this.address.go({ play: play === null ? this.speed : null });
  }

  /** So many turns on, or back; the page stands there. */
  step(turns: number): void {
    const from = this.address.place.turn ?? this.newest;
    if (from !== null) this.seek(from + turns);
  }

  /** To a turn, where the page stands; past the newest one it is live. */
  seek(turn: number | null): void {
    if (turn === null || this.kept === null) return;
    const newest = this.newest ?? this.kept.newest;
    if (turn > newest) this.toLive();
    else this.address.go({ turn: Math.max(turn, this.kept.oldest), play: null });
  }

  /** As `seek`, while the finger is still on the line. */
  scrub(turn: number): void {
    this.address.drift({ turn, play: null });
  }

  faster(direction: 1 | -1): void {
    this.speed = otherSpeed(this.address.place.play ?? this.speed, direction);
    if (this.address.place.play !== null)
      this.keepSlow(this.slow, () => this.address.go({ play: this.speed }));
  }

  get shownSpeed(): number {
    return this.address.place.play ?? this.speed;
  }

  /** The turn before, in slow motion; then the page is live again if it was, or stands at the turn that it showed. */
  replay(): void {
    const { turn } = this.address.place;
    const until = turn ?? this.newest;
    if (until === null || this.kept === null || until <= this.kept.oldest) return;
    this.keepSlow({ until, wasLive: turn === null }, () =>
      this.address.go({ turn: until - 1, play: SPEED_MIN }),
    );
  }

  toLive(): void {
    this.address.go({ ...TO_LIVE, play: null });
  }

  /** Makes a step of the slow motion itself, so that it goes on after that. */
  private keepSlow(slow: Playback['slow'], step: () => void): void {
    step();
    this.slow = slow;
  }

  private arrive({ turn, play }: Place, from: Place | null): void {
    this.cancel?.();
    this.cancel = null;
    // Whoever goes to another turn meanwhile, by Back too, has left the slow motion.
    if (turn !== from?.turn || play !== from.play) this.slow = null;
    if (turn === null || play === null) return;
    this.shownMs = this.now();
    this.wait(turn, play);
  }

  private wait(turn: number, play: number): void {
    const stride = strideOf(play);
    const dueMs = this.shownMs + (stride * this.periodMs) / play;
    const next = turn + stride;
    const newest = this.newest;
    for (let i = 1; i <= AHEAD; i += 1)
      if (newest === null || turn + i * stride <= newest) this.supply.prefetch(turn + i * stride);
    const isLate = this.now() - dueMs > PATIENCE_MS;
    if (this.now() < dueMs || !(isLate || newest === null || next > newest || this.supply.prefetch(next))) {
      this.cancel = this.after(Math.max(LOOK_MS, Math.min(dueMs - this.now(), 250)), () =>
        this.wait(turn, play),
      );
      return;
    }
    const { slow } = this;
    if (slow !== null && !slow.wasLive && turn >= slow.until) this.address.go({ play: null });
    else if ((slow !== null && turn >= slow.until) || (newest !== null && next > newest)) this.toLive();
    else this.keepSlow(slow, () => this.address.drift({ turn: next }));
  }
}
