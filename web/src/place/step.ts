import type { Place } from './place';

/** A step from one place to another: what changes. */
export type Step = Partial<Place>;

/** From a past turn to the newest one; all else stays in view. */
export const TO_LIVE: Step = { turn: null, play: null };

export const TO_MAP: Step = { sid: null, eid: null, sight: null, isFollowing: false };

export function intoSystem(sid: number): Step {
  return { sid, eid: null, sight: null, isFollowing: false, sheet: null };
}

/** Selects an entity of the system in view; null selects none. */
export function toEntity(place: Place, eid: number | null): Step {
  return { eid, isFollowing: place.isFollowing && eid !== null };
}

/** One step back: sheet, selection, system, the strategy that stands out; null where there is nothing to go back from. */
export function backFrom(place: Place): Step | null {
  if (place.sheet !== null) return { sheet: null };
  if (place.eid !== null) return toEntity(place, null);
  if (place.sid !== null) return TO_MAP;
  return place.isolate === null ? null : { isolate: null };
}

/** The territory of one strategy stands out on the map; of the one that does already, no longer. */
export function toIsolated(place: Place, strategy: string): Step {
  const isolate = place.isolate === strategy ? null : strategy;
  return isolate === null ? { isolate } : { ...TO_MAP, isolate };
}
