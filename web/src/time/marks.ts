import type { Story } from '../sql/story';

/** What happened at one spot of the time line: the best of it, and how much more there is. */
export interface Mark {
  /** 0: the oldest turn on the line, 1: the newest. */
  readonly at: number;
  readonly story: Story;
  readonly more: number;
}

/** The turns that the line shows. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Where a turn is on the line, 0..1. */
export function placeOf(turn: number, { first, last }: Span): number {
  return last <= first ? 1 : Math.min(1, Math.max(0, (turn - first) / (last - first)));
}

/** The turn at a place of the line. */
export function turnAt(place: number, { first, last }: Span): number {
  return Math.round(first + Math.min(1, Math.max(0, place)) * (last - first));
}

/** Stories as marks that do not touch: those within `reach` of a better one are counted with it. From left to right. */
export function marksOf(stories: readonly Story[], span: Span, reach: number): Mark[] {
  const marks: Mark[] = [];
  for (const story of [...stories].sort((a, b) => b.score - a.score)) {
    if (story.tid < span.first || story.tid > span.last) continue;
    const at = placeOf(story.tid, span);
    const near = marks.findIndex((mark) => Math.abs(mark.at - at) < reach);
    const mark = marks[near];
    if (mark === undefined) marks.push({ at, story, more: 0 });
    else marks[near] = { ...mark, more: mark.more + 1 };
  }
  return marks.sort((a, b) => a.at - b.at);
}
