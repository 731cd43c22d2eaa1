import type { Sight } from '../place/place';
import { intoSystem, type Step, TO_MAP } from '../place/step';
import type { Standing } from '../sql/standings';
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
  /** Whose emblem stands before the caption. */
  readonly strategy: string | null;
  /** What is visited; null: an overview. */
  readonly story: Story | null;
}

/** How much of a system is seen around a fight, and around a single ship, in cells. */
const FIGHT_SPAN = 30;
const SHIP_SPAN = 22;
const VISIT_MS_MIN = 8000;
const VISIT_MS_MAX = 12_000;
const OVERVIEW_MS = 5000;
/** What is seen of the map, in its cells, when an overview keeps to the neighbourhood of the place before. */
const REGION_SPAN = 130;

/** The ships of these kinds of stories are followed; of others the place is shown. */
const FOLLOWED: ReadonlySet<string> = new Set(['strongest', 'first_kill', 'record', 'birth', 'hero']);

/** The visit to a story. What is rare is looked at for longer, as is what takes longer to read. */
export function visitTo(story: Story): Shot {
  const { sid, eid, x, y, kind, score, strategy, text } = story;
  const isFollowing = sid !== null && eid !== null && FOLLOWED.has(kind);
  const sight: Sight | null =
    sid === null || x === null || y === null
      ? null
      : { x: x + 0.5, y: y + 0.5, span: isFollowing ? SHIP_SPAN : FIGHT_SPAN };
  const where: Step = sid === null ? TO_MAP : intoSystem(sid);
  const staysMs = clamp(VISIT_MS_MIN + 2500 * score + 20 * (text.length - 60), VISIT_MS_MIN, VISIT_MS_MAX);
  return {
    step: { ...where, eid: isFollowing ? eid : null, sight, isFollowing },
    staysMs,
    caption: text,
    strategy,
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
  const said = sentences[number % Math.max(1, sentences.length)];
  return {
    step: { ...TO_MAP, sight },
    staysMs: OVERVIEW_MS,
    caption: said?.text ?? '',
    strategy: said?.strategy ?? null,
    story: null,
  };
}

interface Sentence {
  readonly text: string;
  readonly strategy: string | null;
}

/** What can be said of the universe as a whole, each time from another side. */
export function sentencesOf({ standings, turn }: Outlook): Sentence[] {
  const said: Sentence[] = [];
  const energy = standings.reduce((sum, each) => sum + each.energy, 0);
  const ships = standings.reduce((sum, each) => sum + each.ships, 0);
  const [first, second] = [...standings].sort((a, b) => b.energy - a.energy);
  if (first !== undefined) {
    const ahead = `${first.strategy} holds ${percent(first.energy, energy)} of all energy`;
    said.push({
      text:
        second === undefined
          ? `${ahead}.`
          : `${ahead}, ${second.strategy} ${percent(second.energy, energy)}.`,
      strategy: first.strategy,
    });
  }
  if (turn !== null) {
    const fallen =
      turn.kills === 0 ? 'none fell' : turn.kills === 1 ? 'one fell' : `${whole(turn.kills)} fell`;
    said.push({ text: `${whole(turn.ships)} ships are out there; ${fallen} in this turn.`, strategy: null });
  }
  const hunter = [...standings].sort((a, b) => b.kills - a.kills)[0];
  if (hunter !== undefined && hunter.kills > 0)
    said.push({
      text: `${hunter.strategy} felled most in the last minute of turns: ${whole(hunter.kills)}.`,
      strategy: hunter.strategy,
    });
  const crowd = [...standings].sort((a, b) => b.ships - a.ships)[0];
  if (crowd !== undefined && crowd !== first)
    said.push({
      text: `${crowd.strategy} has most ships, ${percent(crowd.ships, ships)}, but only ${percent(crowd.energy, energy)} of the energy.`,
      strategy: crowd.strategy,
    });
  return said;
}

function whole(value: number): string {
  return new Intl.NumberFormat('en').format(value);
}

function percent(part: number, all: number): string {
  return `${Math.round((100 * part) / Math.max(1, all))} %`;
}
