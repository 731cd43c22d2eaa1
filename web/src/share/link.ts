import { type Place, writePlace } from '../place/place';

/** What a shared link leaves out: what is open on this screen, and who steers. */
const QUIET: Partial<Place> = {
  sheet: null,
  isTouring: false,
  idleSeconds: null,
  isEmbedded: false,
  hidden: [],
};

/**
 * A link to a place and a turn. What stands before `#` is for those who never open it: a server is told that alone, and
 * answers with the picture of the place.
 */
export function linkTo(page: string, place: Place, turn: number | null): string {
  const shown = { ...place, ...QUIET, turn: place.turn ?? turn };
  const params = new URLSearchParams();
  if (shown.sid !== null) params.set('system', String(shown.sid));
  if (shown.turn !== null) params.set('turn', String(shown.turn));
  const query = params.size === 0 ? '' : `?${params}`;
  return `${page.replace(/[?#].*$/s, '')}${query}${writePlace(shown)}`;
}

/** The text for another page's HTML: the tour from here, without panels. */
export function embedCode(page: string): string {
  const address = `${page.replace(/[?#].*$/s, '')}#/?tour&embed&hide=panels,news,time`;
  return `<iframe src="${address}" title="Wasmverse" width="960" height="540" allow="fullscreen; screen-wake-lock"></iframe>`;
}
