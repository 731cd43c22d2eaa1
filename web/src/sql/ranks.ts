import { type Answer, readRows } from '../source/answer';
import { at, type Question } from './question';

/** A living ship that has a rank, as its label tells of it. */
export interface Ranked {
  readonly eid: number;
  readonly sid: number;
  readonly name: string;
  readonly rank: string;
  readonly strategy: string;
}

/** From the lowest to the highest, as the server grants them. */
const RANKS = ['raider', 'veteran', 'champion', 'titan', 'colossus'];
/** Ranks change slowly: they are asked for once in so many turns. */
const RANK_TURNS = 3;
const MAP_TURNS = 6;
/** More labels than this have no room, in a system or on the map. */
const LABELS_MAX = 40;
const ORDER = `order by (rank = 'colossus') desc, blasters desc, energy_max desc, eid limit ${LABELS_MAX}`;

/** Who has a rank in a system, the strongest first; null on the map. */
export function ranksQuestion(view: {
  readonly sid: number | null;
  readonly turn: number | null;
}): Question<readonly Ranked[]> | null {
  const { sid, turn } = view;
  if (sid === null) return null;
  return {
    about: `ranks ${sid}`,
    pace: RANK_TURNS,
    query: {
      sql: `select eid, sid, name, rank, strategy from hero where sid = ? and is_alive ${ORDER}`,
      args: [sid],
      turn,
    },
    read: readRanked,
  };
}

const STRONGEST: Question<readonly Ranked[]> = {
  about: 'strongest',
  pace: MAP_TURNS,
  query: {
    sql: `select eid, sid, name, rank, strategy from hero where is_alive ${ORDER}`,
    args: [],
    turn: null,
  },
  read: readRanked,
};

/** The strongest ships of the universe, the strongest first; null in a system. */
export function strongestQuestion(view: {
  readonly sid: number | null;
  readonly turn: number | null;
}): Question<readonly Ranked[]> | null {
  return view.sid === null ? at(STRONGEST, view.turn) : null;
}

/** 1 for the lowest rank; 0 for one that this page does not know. */
export function gradeOf(rank: string): number {
  return RANKS.indexOf(rank) + 1;
}

function readRanked(answer: Answer): Ranked[] {
  return readRows(answer, (row) => ({
    eid: row.number('eid'),
    sid: row.number('sid'),
    name: row.text('name'),
    rank: row.text('rank'),
    strategy: row.text('strategy'),
  }));
}
