import type { NewsFilter, Place } from '../place/place';
import type { Story } from '../sql/story';
import { identityOf, worthOf } from './choose';
import { visitTo } from './shot';

/** Which kinds of stories belong to which filter of the news. What goes on is no news; what is not known here is, under `all`. */
const KINDS: Readonly<Record<Exclude<NewsFilter, 'all'>, readonly string[]>> = {
  falls: ['titan_falls', 'last_ship'],
  kills: ['first_kill', 'spree'],
  systems: ['system_taken'],
  strategies: ['lead', 'birth', 'grounded', 'last_ship'],
  records: ['record', 'strongest', 'hero'],
};
const GOING_ON: readonly string[] = ['fight', 'duel'];

/** What is worth so much comes once in some 20 turns, over all kinds: often enough to look, seldom enough to keep it open. */
export const HEADLINE_WORTH = 0.6;
/** What the page begins with may be of less, so that there is something to read. */
export const OPENING_WORTH = 0.3;

export function isShown(story: Story, filter: NewsFilter): boolean {
  return filter === 'all' ? !GOING_ON.includes(story.kind) : KINDS[filter].includes(story.kind);
}

/** What a filter shows of the stories, the newest first as they are: of those that are told again, as who is strongest is, the newest. */
export function shownOf(stories: readonly Story[], filter: NewsFilter): Story[] {
  const told = new Set<string>();
  return stories.filter((story) => {
    const name = identityOf(story);
    if (!isShown(story, filter) || told.has(name)) return false;
    told.add(name);
    return true;
  });
}

/** The best of what is worth at least `least` at turn `tid` and was not told yet; null when there is nothing. */
export function nextHeadline(
  stories: readonly Story[],
  told: ReadonlySet<string>,
  tid: number,
  least: number,
): Story | null {
  let best: Story | null = null;
  for (const story of stories) {
    if (!isShown(story, 'all') || worthOf(story, tid) < least || told.has(identityOf(story))) continue;
    if (best === null || worthOf(story, tid) > worthOf(best, tid)) best = story;
  }
  return best;
}

/** The place and the turn of a story; what concerns the page and not its place stays. */
export function placeOf(story: Story, place: Place): Place {
  // Its ship may be gone at the end of its turn; the place is in sight all the same.
  const shut = { isTouring: false, play: null, sheet: null, sql: null, args: null };
  return { ...place, ...visitTo(story).step, ...shut, turn: story.tid };
}

/** How long ago a turn was, as seen from turn `tid`: `now`, `12 s ago`, `3 min ago`; without a period, in turns. */
export function agoWords(story: Pick<Story, 'tid'>, tid: number, periodMs: number | null): string {
  const turns = tid - story.tid;
  if (turns <= 0) return 'now';
  if (periodMs === null) return turns === 1 ? '1 turn ago' : `${turns} turns ago`;
  const passedSeconds = Math.round((turns * periodMs) / 1000);
  if (passedSeconds < 1) return 'now';
  return passedSeconds < 100 ? `${passedSeconds} s ago` : `${Math.round(passedSeconds / 60)} min ago`;
}
