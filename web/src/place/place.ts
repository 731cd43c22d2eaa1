/** The part of the world in view: its centre and the width of its shorter side, in the view's own cells. */
export interface Sight {
  readonly x: number;
  readonly y: number;
  readonly span: number;
}

export type Sheet = 'strategies' | 'console' | 'help' | 'standings' | 'duel' | 'fame' | 'write';

/** A figure of every system, laid over the map as a heat. */
export type Layer = 'energy' | 'battles' | 'density' | 'change';

/** Where the page is. All of the page's own state is here, and all of it is in the address. */
export interface Place {
  /** Null: live. Otherwise the past turn that all of the page shows. */
  readonly turn: number | null;
  /** How fast a past turn goes on to the next, in periods a period; null: it stands. */
  readonly play: number | null;
  /** Null: the map of all systems. */
  readonly sid: number | null;
  readonly eid: number | null;
  /** Null: the view's own choice, all of it in sight. In cells of the map, or of the system. */
  readonly sight: Sight | null;
  readonly isFollowing: boolean;
  readonly sheet: Sheet | null;
  readonly sql: string | null;
  /** The statement's arguments, a JSON list as text; null where it has none. */
  readonly args: string | null;
  /** The strategy whose territory stands out on the map; null: all alike. */
  readonly isolate: string | null;
  /** By what the strategies are compared where only one measure is drawn. */
  readonly measure: Measure;
  /** The director leads from place to place. */
  readonly isTouring: boolean;
  /** Seconds without input after which the tour begins by itself, 0 for never; null: the page's own choice. */
  readonly idleSeconds: number | null;
  /** Null: territories. */
  readonly layer: Layer | null;
  /** Shown within another page, or on a wall: without what is for visitors who steer. */
  readonly isEmbedded: boolean;
  /** What is not shown, of `HIDEABLE`. */
  readonly hidden: readonly string[];
  /** The news are unfolded, and show this; null: they are three lines. */
  readonly news: NewsFilter | null;
}

export type NewsFilter = (typeof NEWS_FILTERS)[number];
export const NEWS_FILTERS = ['all', 'falls', 'kills', 'systems', 'strategies', 'records'] as const;

export const HIDEABLE: readonly string[] = ['bar', 'panels', 'news', 'time', 'caption'];

/** How fast past turns are played, in periods a period; in between only by an address that says so. */
export const SPEED_MIN = 0.25;
export const SPEED_MAX = 16;
export const SPEEDS: readonly number[] = [SPEED_MIN, 0.5, 1, 2, 4, 8, SPEED_MAX];
/** Faster than this turns are left out: no eye could follow them, and each is asked of the server. */
export const TURNS_A_PERIOD_MAX = 4;

export type Measure = 'energy' | 'ships';

export const MAP: Place = {
  turn: null,
  play: null,
  sid: null,
  eid: null,
  sight: null,
  isFollowing: false,
  sheet: null,
  sql: null,
  args: null,
  isolate: null,
  measure: 'energy',
  isTouring: false,
  idleSeconds: null,
  layer: null,
  isEmbedded: false,
  hidden: [],
  news: null,
};

const SHEETS: readonly string[] = [
  'strategies',
  'console',
  'help',
  'standings',
  'duel',
  'fame',
  'write',
] satisfies Sheet[];
const LAYERS: readonly string[] = ['energy', 'battles', 'density', 'change'] satisfies Layer[];

/**
 * Reads `#/`, `#/system/42`, `#/system/42/entity/1234`, each with
 * `?turn=n&play=2&at=x,y,span&follow&sheet=console&sql=...&args=[...]&isolate=strategy&by=ships&tour&idle=60&layer=energy&embed&hide=news
 * &news=all`.
 * What cannot be read is left out: an address typed by hand leads as far as it makes sense.
 */
export function readPlace(hash: string): Place {
  const [path = '', search = ''] = split(hash.replace(/^#/, ''), '?');
  const params = new URLSearchParams(search);
  const match = /^\/system\/(\d+)(?:\/entity\/(\d+))?\/?$/.exec(path);
  const layer = params.get('layer');
  const turn = readCount(params.get('turn'));
  const sheet = params.get('sheet');
  const eid = match?.[2] === undefined ? null : Number(match[2]);
  return {
    turn,
    play: turn === null ? null : readSpeed(params.get('play')),
    sid: match?.[1] === undefined ? null : Number(match[1]),
    eid,
    sight: readSight(params.get('at')),
    isFollowing: eid !== null && params.has('follow'),
    sheet: sheet !== null && SHEETS.includes(sheet) ? (sheet as Sheet) : null,
    sql: params.get('sql'),
    args: params.get('args'),
    isolate: params.get('isolate') || null,
    measure: params.get('by') === 'ships' ? 'ships' : 'energy',
    isTouring: params.has('tour'),
    idleSeconds: readCount(params.get('idle')),
    layer: layer !== null && LAYERS.includes(layer) ? (layer as Layer) : null,
    isEmbedded: params.has('embed'),
    hidden: (params.get('hide') ?? '').split(/[ ,]/).filter((part) => HIDEABLE.includes(part)),
    news: NEWS_FILTERS.find((filter) => filter === params.get('news')) ?? null,
  };
}

export function writePlace(place: Place): string {
  let path = '#/';
  if (place.sid !== null) path += `system/${place.sid}`;
  if (place.sid !== null && place.eid !== null) path += `/entity/${place.eid}`;
  const params: string[] = [];
  if (place.turn !== null) params.push(`turn=${place.turn}`);
  if (place.turn !== null && place.play !== null) params.push(`play=${shorten(place.play)}`);
  if (place.sight !== null) {
    const { x, y, span } = place.sight;
    params.push(`at=${[x, y, span].map(shorten).join(',')}`);
  }
  if (place.isFollowing && place.eid !== null) params.push('follow');
  if (place.sheet !== null) params.push(`sheet=${place.sheet}`);
  if (place.sql !== null && place.sql !== '') params.push(`sql=${encodeURIComponent(place.sql)}`);
  if (place.args !== null && place.args !== '') params.push(`args=${encodeURIComponent(place.args)}`);
  if (place.isolate !== null) params.push(`isolate=${encodeURIComponent(place.isolate)}`);
  if (place.measure !== 'energy') params.push(`by=${place.measure}`);
  if (place.isTouring) params.push('tour');
  if (place.idleSeconds !== null) params.push(`idle=${place.idleSeconds}`);
  if (place.layer !== null) params.push(`layer=${place.layer}`);
  if (place.isEmbedded) params.push('embed');
  if (place.hidden.length > 0) params.push(`hide=${place.hidden.join(',')}`);
  if (place.news !== null) params.push(`news=${place.news}`);
  return params.length === 0 ? path : `${path}?${params.join('&')}`;
}

function readCount(text: string | null): number | null {
  const count = /^\d+$/.test(text ?? '') ? Number(text) : Number.NaN;
  return Number.isSafeInteger(count) ? count : null;
}

function readSpeed(text: string | null): number | null {
  const speed = Number(text ?? '');
  return speed > 0 ? Math.min(SPEED_MAX, Math.max(SPEED_MIN, Number(speed.toFixed(2)))) : null;
}

function readSight(at: string | null): Sight | null {
  const [x, y, span, ...rest] = (at ?? '')
    .split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (x === undefined || y === undefined || span === undefined || rest.length > 0) return null;
  return Number.isFinite(x) && Number.isFinite(y) && Number.isFinite(span) && span > 0
    ? { x, y, span }
    : null;
}

function shorten(value: number): string {
  return String(Number(value.toFixed(2)));
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
