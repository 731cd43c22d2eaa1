import { SPEED_MIN } from '../place/place';
import type { Step } from '../place/step';
import type { SystemState } from '../sql/system';
import { FIGHT_SPAN, type Shot, STILL } from './shot';

/** What has become of what a shot shows. `fellTid`: its ship fell in that turn; null: nothing is left to see. */
export type End = { readonly fellTid: number | null };

const FIGHTS: ReadonlySet<string> = new Set(['fight', 'duel']);
/** Without a hit for so many turns a fight is over. */
const QUIET_TURNS = 2;
/** A fall so many turns ago can be played again at once: its turns are still in memory. */
const REPLAY_AGE_MAX = 5;

/** How a shot's subject has come to its end by the state of its system; null while there is something to see. */
export function endOf(shot: Shot, state: SystemState): End | null {
  const { story, step } = shot;
  const { turn, entities, events } = state;
  if (story === null || turn === null || turn < story.tid) return null;
  if (STILL.has(story.kind)) {
    const isFresh = story.eid !== null && turn - story.tid <= REPLAY_AGE_MAX;
    return isFresh ? { fellTid: story.tid } : null;
  }
  const eid = step.eid ?? null;
  const ship = entities.find((entity) => entity.eid === eid && entity.kind === 'ship');
  if (eid !== null && ship === undefined) {
    const fall = events.find((event) => event.kind === 'death' && event.eid === eid);
    return { fellTid: fall?.tid ?? null };
  }
  if (!FIGHTS.has(story.kind)) return null;
  const at = ship ?? { x: story.x, y: story.y };
  const isNear = ({ x, y }: { x: number; y: number }): boolean =>
    at.x === null || at.y === null || Math.max(Math.abs(x - at.x), Math.abs(y - at.y)) <= FIGHT_SPAN / 2;
  const goesOn = events.some(
    (event) => event.kind === 'battle' && event.tid > turn - QUIET_TURNS && isNear(event),
  );
  return goesOn ? null : { fellTid: null };
}

/** A fall played again in slow motion. */
export interface Replay {
  readonly step: Step;
  readonly lastsMs: number;
}

/** So many turns before the fall it begins; after it the picture stays for a while. */
const TURNS_BEFORE = 3;
const TURNS_AFTER = 1.5;
const REPLAY_MS = 10_000;
const REPLAY_MS_MAX = 18_000;

/** How the fall of a shot's ship is played again; null where turns are too long for slow motion, or there are none before. */
export function replayOf(shot: Shot, fellTid: number, periodMs: number): Replay | null {
  const eid = shot.story?.eid ?? null;
  const turn = fellTid - TURNS_BEFORE;
  if (eid === null || turn < 0) return null;
  const lasts = (speed: number): number => ((TURNS_BEFORE + TURNS_AFTER) * periodMs) / speed;
  const play = lasts(SPEED_MIN) <= REPLAY_MS ? SPEED_MIN : 2 * SPEED_MIN;
  if (lasts(play) > REPLAY_MS_MAX) return null;
  return { step: { ...shot.step, eid, isFollowing: true, turn, play }, lastsMs: lasts(play) };
}
