/** A label that wants to be shown: where, how large, how much it matters. In pixels of the screen. */
export interface Wish {
  readonly key: string;
  /** The middle of its left edge. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The larger, the sooner it is placed. */
  readonly weight: number;
  /** It is shown at the edge of the frame too. */
  readonly isForced?: boolean;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A label that is shown already is not taken for one that matters hardly more: names would flicker. */
const KEPT_BONUS = 1.25;
const GAP = 4;

/**
 * The keys of the labels that are shown: no two overlap, none leaves the frame, at most so many. Those that matter
 * more come first; of equals the key decides, so that the same wishes give the same labels.
 */
export function placed(
  wishes: readonly Wish[],
  frame: Box,
  labelsMax: number,
  shown: ReadonlySet<string>,
): Set<string> {
  const weightOf = (wish: Wish): number => wish.weight * (shown.has(wish.key) ? KEPT_BONUS : 1);
  const ranked = [...wishes].sort((a, b) => weightOf(b) - weightOf(a) || (a.key < b.key ? -1 : 1));
  const taken: Box[] = [];
  const keys = new Set<string>();
  for (const wish of ranked) {
    if (keys.size >= labelsMax) break;
    const box = boxOf(wish);
    const fits =
      wish.isForced === true ||
      (box.left >= frame.left &&
        box.right <= frame.right &&
        box.top >= frame.top &&
        box.bottom <= frame.bottom);
    if (!fits || taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    keys.add(wish.key);
  }
  return keys;
}

function boxOf({ x, y, width, height }: Wish): Box {
  return { left: x, top: y - height / 2, right: x + width, bottom: y + height / 2 };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right + GAP && b.left < a.right + GAP && a.top < b.bottom + GAP && b.top < a.bottom + GAP;
}
