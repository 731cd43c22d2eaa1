import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import type { Place } from '../place/place';
import type { Post } from '../source/request';
import { at } from '../sql/question';
import { STANDINGS } from '../sql/standings';
import type { Point } from '../view/camera';

/**
 * The one thing that the page keeps beside its address: that somebody has been here. It belongs to the person and the
 * browser, not to a place, and a link that is shared must not carry it.
 */
const KEY = 'wasmverse.welcomed';

/** Whoever comes for the first time, and to no place in particular, is welcomed once there is something to see. */
export function greetFirstVisit(
  address: Address,
  feed: Feed,
  post: Post,
  stars: { pixelOf(sid: number): Point | null },
): void {
  if (!isPlain(address.place) || isLed() || hasBeenHere()) return;
  let isGreeted = false;
  feed.follow(
    ({ turn }) => (isGreeted ? null : at(STANDINGS, turn)),
    (standings) => {
      if (isGreeted || standings === null || !isPlain(address.place) || isLed()) return;
      isGreeted = true;
      import('../welcome/welcome').then(
        ({ Welcome }) => new Welcome(address, feed, post, stars, remember),
        () => {
          // The page explains itself in its help sheet too; the next visit tries again.
        },
      );
    },
  );
}

/** A link to something is followed without a word. */
export function isPlain({ turn, sid, sheet, isolate }: Place): boolean {
  return turn === null && sid === null && sheet === null && isolate === null;
}

/** On a wall, or while somebody else leads. */
function isLed(): boolean {
  return 'embed' in document.body.dataset || 'tour' in document.body.dataset;
}

function hasBeenHere(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    // A browser that keeps nothing would welcome at every visit.
    return true;
  }
}

function remember(): void {
  try {
    localStorage.setItem(KEY, '1');
  } catch {
    // Kept by nobody: then it is said again.
  }
}
