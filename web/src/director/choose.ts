import type { Story } from '../sql/story';

/** After so many turns a story of the kind is worth half as much: a fight is over soon, a record stands. */
const HALF_LIFE_TURNS: Readonly<Record<string, number>> = {
  fight: 6,
  duel: 5,
  titan_falls: 30,
  first_kill: 25,
  birth: 20,
  spree: 20,
  last_ship: 60,
  lead: 60,
  system_taken: 40,
  grounded: 60,
  record: 60,
  strongest: 60,
  hero: 40,
};
const HALF_LIFE_TURNS_OTHER = 30;

/** What is worth less than this is not news any more. */
const WORTH_MIN = 0.04;
/** No place is visited again within so many visits. */
const PLACES_APART = 4;
/** What goes on, as a fight and the strength of a ship do, may be visited again after so many visits. */
const GOING_ON: ReadonlySet<string> = new Set(['fight', 'duel', 'strongest']);
const VISITS_APART = 10;
/** So many visits are looked back at for how often a kind, and a strategy, was shown. */
const VISITS_WEIGHED = 4;
/** A kind that was shown among them counts for less, once for each time. */
const KIND_AGAIN = 0.6;
/** Likewise a strategy: the tour shows everybody. */
const STRATEGY_AGAIN = 0.8;

/** What makes two rows the same story. What goes on is told again each turn. */
export function identityOf({ kind, sid, eid, tid }: Story): string {
  if (!GOING_ON.has(kind)) return `${kind} ${sid} ${eid} ${tid}`;
  return kind === 'strongest' ? `${kind} ${eid}` : `fight ${sid}`;
}

/** What a story is worth at turn `tid`, 0..1: its score, halved with each half-life. */
export function worthOf(story: Story, tid: number): number {
  const halfLife = HALF_LIFE_TURNS[story.kind] ?? HALF_LIFE_TURNS_OTHER;
  return story.score * 2 ** (-Math.max(0, tid - story.tid) / halfLife);
}

/**
 * The story to visit next at turn `tid`; null when none is new. `visited` has those that were visited, the last one at
 * the end. Neither the kind nor the place of the visit before comes again, nor any story that is remembered.
 */
export function chooseStory(stories: readonly Story[], visited: readonly Story[], tid: number): Story | null {
  const last = visited.at(-1);
  const lately = visited.length - VISITS_APART;
  const known = new Set(
    visited.filter((visit, i) => i >= lately || !GOING_ON.has(visit.kind)).map(identityOf),
  );
  const recent = visited.slice(-VISITS_WEIGHED);
  const places = new Set(visited.slice(-PLACES_APART).map((visit) => visit.sid));
  let best: Story | null = null;
  let bestWorth = 0;
  for (const story of stories) {
    const worth = worthOf(story, tid);
    if (worth < WORTH_MIN || story.kind === last?.kind || known.has(identityOf(story))) continue;
    if (story.sid !== null && places.has(story.sid)) continue;
    const kinds = recent.filter((visit) => visit.kind === story.kind).length;
    const strategies = recent.filter((visit) => visit.strategy === story.strategy).length;
    const weighed = worth * KIND_AGAIN ** kinds * STRATEGY_AGAIN ** strategies;
    if (weighed <= bestWorth) continue;
    best = story;
    bestWorth = weighed;
  }
  return best;
}
