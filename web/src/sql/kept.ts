import { type Answer, readRows } from '../source/answer';
import { Unreadable } from '../source/failure';
import type { Query } from '../source/request';
import { STORY_COLUMNS } from './story';

/** Which turns can be asked for; those from `memory` on are there at once. */
export interface Kept {
  readonly oldest: number;
  readonly newest: number;
  readonly memory: number;
  /** Whether this server tells what was worth a look. */
  readonly tells: boolean;
}

/** Asked about the newest turn whatever turn the page shows: the line is as long as there is something to go to. */
export const KEPT: Query = {
  sql: `select oldest_tid, newest_tid, memory_tid,
  exists (from information_schema.tables where table_name = 'story') as tells from turn_kept`,
  args: [],
  turn: null,
};

export function readKept(answer: Answer): Kept {
  const [kept] = readRows(answer, (row) => ({
    oldest: row.number('oldest_tid'),
    newest: row.number('newest_tid'),
    memory: row.number('memory_tid'),
    tells: row.boolean('tells'),
  }));
  if (kept === undefined) throw new Unreadable('turn_kept has no row');
  return kept;
}

const TOLD_MAX = 240;

/** What was worth a look since a turn, the best first; `readStories` reads it. */
export function toldSince(tid: number): Query {
  return {
    sql: `select ${STORY_COLUMNS} from story where tid >= ?
order by score desc, tid desc limit ${TOLD_MAX}`,
    args: [tid],
    turn: null,
  };
}
