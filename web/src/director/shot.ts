import { count, percent } from '../panel/format';
import type { Sight } from '../place/place';
import { intoSystem, type Step, TO_MAP } from '../place/step';
import { GRID_SIDE } from '../sql/space';
import { STANDING_TURNS, type Standing } from '../sql/standings';
import type { Story } from '../sql/story';
import type { SystemPlace } from '../sql/systems';
import type { TurnRecord } from '../sql/turns';
import { clamp } from '../view/camera';

/** One shot of the tour: where the camera goes, how long it stays there, and what is said. */
export interface Shot {
  readonly step: Step;
  /** From the arrival on. */
  readonly staysMs: number;
  readonly caption: string;
  /** Whose names may be in the caption. */
  readonly strategies: readonly string[];
  /** What is visited; null: an overview. */
  readonly story: Story | null;
}

/** How much of a system is seen around a fight, and around a single ship, in cells. */
export const FIGHT_SPAN = 30;
const SHIP_SPAN = 22;
const MIDDLE = { x: GRID_SIDE / 2, y: GRID_SIDE / 2 };
const VISIT_MS_MIN = 8000;
const VISIT_MS_MAX = 12_000;
const OVERVIEW_MS = 5000;
/** What is seen of the map, in its cells, when an overview keeps to the neighbourhood of the place before. */
const REGION_SPAN = 130;

/** Of these the place is shown: their ship is gone. Of all else the ship is followed, if there is one. */
export const STILL: ReadonlySet<string> = new Set(['titan_falls', 'last_ship']);
/** Of these all of the system is shown, and of the ship where it is. */
const WHOLE: ReadonlySet<string> = new Set(['system_taken']);
/** Of these what is around the ship matters too. */
const WIDE: ReadonlySet<string> = new Set(['fight', 'duel', 'titan_falls']);

/** The visit to a story. What is rare is looked at for longer, as is what takes longer to read. */
export function visitTo(story: Story): Shot {
  const { sid, eid, x, y, kind, score, strategy, byStrategy, text } = story;
  const isSelected = sid !== null && eid !== null && !STILL.has(kind);
  const isFollowing = isSelected && !WHOLE.has(kind);
  const span = WIDE.has(kind) ? FIGHT_SPAN : SHIP_SPAN;
  // A ship whose cell is not told is found by following it, from the middle of the system.
  const cell = x !== null && y !== null ? { x: x + 0.5, y: y + 0.5 } : isFollowing ? MIDDLE : null;
  const sight: Sight | null = sid === null || cell === null || WHOLE.has(kind) ? null : { ...cell, span };
  const where: Step = sid === null ? TO_MAP : intoSystem(sid);
  const staysMs = clamp(VISIT_MS_MIN + 2500 * score + 20 * (text.length - 60), VISIT_MS_MIN, VISIT_MS_MAX);
  return {
    step: { ...where, eid: isSelected ? eid : null, sight, isFollowing },
    staysMs,
    caption: text,
    strategies: [strategy, byStrategy].filter((name) => name !== null),
    story,
  };
}

/** What the map is told by: who is ahead, and how many there are. */
export interface Outlook {
  readonly standings: readonly Standing[];
  readonly turn: TurnRecord | null;
  /** Where the camera comes from; null: from the map. */
  readonly from: SystemPlace | null;
}

/** The `number`-th overview: all of the map and the neighbourhood of the last place take turns. */
export function overview(number: number, outlook: Outlook): Shot {
  const { from } = outlook;
  const sight =
    from === null || number % 2 === 0 ? null : { x: from.x + 0.5, y: from.y + 0.5, span: REGION_SPAN };
  const sentences = sentencesOf(outlook);
  return {
    step: { ...TO_MAP, sight },
    staysMs: OVERVIEW_MS,
    caption: sentences[number % Math.max(1, sentences.length)] ?? '',
    strategies: outlook.standings.map((standing) => standing.strategy),
    story: null,
  };
}

/** What can be said of the universe as a whole, each time from another side. */
export function sentencesOf({ standings, turn }: Outlook): string[] {
  const energy = Math.max(1, sum(standings, 'energy'));
  const ships = Math.max(1, sum(standings, 'ships'));
  const [first, second] = most(standings, (each) => each.energy);
  const said: string[] = [];
  if (first !== undefined) {
    const ahead = `${first.strategy} holds ${percent(first.energy / energy)} of all energy`;
    const next = second === undefined ? '' : `, ${second.strategy} ${percent(second.energy / energy)}`;
    said.push(`${ahead}${next}.`);
  }
  if (turn !== null && turn.kills > 0) {
    const fell = turn.kills === 1 ? 'one has just fallen' : `${count(turn.kills)} have just fallen`;
    said.push(`Of ${count(turn.ships + turn.kills)} ships ${fell}.`);
  }
  const [riser] = most(standings, gainOf);
  if (riser !== undefined && gainOf(riser) >= GAIN_TOLD)
    said.push(`${riser.strategy} is gaining: ${percent(gainOf(riser))} more energy than ${MINUTE} ago.`);
  const [hunter] = most(standings, (each) => each.kills);
  if (hunter !== undefined && hunter.kills > 0)
    said.push(
      `Nobody felled more in the last ${MINUTE} than ${hunter.strategy}: ${count(hunter.kills)} ships.`,
    );
  const [loser] = most(standings, (each) => -gainOf(each));
  if (loser !== undefined && -gainOf(loser) >= GAIN_TOLD)
    said.push(`${loser.strategy} is losing: ${percent(-gainOf(loser))} less energy than ${MINUTE} ago.`);
  const [crowd] = most(standings, (each) => each.ships);
  if (crowd !== undefined && crowd !== first)
    said.push(
      `${crowd.strategy} flies most ships, ${percent(crowd.ships / ships)} of them, with ${percent(crowd.energy / energy)} of the energy.`,
    );
  return said;
}

const MINUTE = `${STANDING_TURNS} turns`;
/** A change of the energy by this share is worth a sentence. */
const GAIN_TOLD = 0.02;

/** By which share its energy has changed since the first of the turns that are counted. */
function gainOf({ energy, energyBefore }: Standing): number {
  return energyBefore === 0 ? 0 : energy / energyBefore - 1;
}

function sum(standings: readonly Standing[], key: 'energy' | 'ships'): number {
  return standings.reduce((all, each) => all + each[key], 0);
}

function most(standings: readonly Standing[], value: (standing: Standing) => number): Standing[] {
  return [...standings].sort((a, b) => value(b) - value(a));
}
