import type { Place } from './place';

/** A step from one place to another: what changes. */
export type Step = Partial<Place>;

/** From a past turn to the newest one; all else stays in view. */
export const TO_LIVE: Step = { turn: null };

export const TO_MAP: Step = { sid: null, eid: null, sight: null, isFollowing: false };

export function intoSystem(sid: number): Step {
  return { sid, eid: null, sight: null, isFollowing: false, sheet: null };
}

/** Selects an entity of the system in view; null selects none. */
export function toEntity(place: Place, eid: number | null): Step {
  return { eid, isFollowing: place.isFollowing && eid !== null };
}

/** One step back: sheet, selection, system; null where there is nothing to go back from. */
export function backFrom(place: Place): Step | null {
  if (place.sheet !== null) return { sheet: null };
  if (place.eid !== null) return toEntity(place, null);
  return place.sid === null ? null : TO_MAP;
}
