import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';

/** Something worth a look, as the server tells it. A kind that is not known here is shown like any other. */
export interface Story {
  readonly tid: number;
  /** Null: of the universe as a whole. */
  readonly sid: number | null;
  readonly eid: number | null;
  /** The cell in the system; null: all of it. */
  readonly x: number | null;
  readonly y: number | null;
  readonly kind: string;
  /** How rare and how far-reaching it is, 0..1. */
  readonly score: number;
  readonly strategy: string | null;
  readonly byStrategy: string | null;
  /** One sentence, ready to show. */
  readonly text: string;
}

/** What `readStories` reads. */
export const STORY_COLUMNS = 'tid, sid, eid, x, y, kind, score, strategy, by_strategy, text';

/** What was told lately, newest first: what the tour chooses from, and the news come from. */
export const STORIES: Question<readonly Story[]> = {
  about: 'stories',
  pace: 'turn',
  query: {
    sql: `select ${STORY_COLUMNS} from story where tid > (select max(tid) from turns) - 60 order by tid desc, score desc limit 60`,
    args: [],
    turn: null,
  },
  read: readStories,
};

/** An hour of turns of one second. */
export const HOUR_TURNS = 3600;
/** The list of an hour changes slowly under the eye of who reads it. */
const HOUR_PACE = 5;
const HOUR_ROWS_MAX = 500;

/** What was told in the last hour of turns of one second, newest first; of many, the best. */
export const HOUR: Question<readonly Story[]> = {
  about: 'hour',
  pace: HOUR_PACE,
  query: {
    sql: `select * from (
  select ${STORY_COLUMNS} from story where tid > (select max(tid) from turns) - ${HOUR_TURNS} and kind not in ('fight', 'duel')
  order by score desc, tid desc limit ${HOUR_ROWS_MAX}
) order by tid desc, score desc`,
    args: [],
    turn: null,
  },
  read: readStories,
};

/** The fallback reads every ship: it is asked once in so many turns. */
const SIGHTS_TURNS = 15;

/** What there is to see at any time: where most ships fight, and the ships that hold most energy. */
export const SIGHTS: Question<readonly Story[]> = {
  about: 'sights',
  pace: SIGHTS_TURNS,
  query: {
    sql: `with battle as (
  select max(tid) as tid, sid, round(avg(x))::integer as x, round(avg(y))::integer as y, count(distinct eid) as ships,
    min(eid) as eid, arg_min(strategy, eid) as strategy, string_agg(distinct strategy, ' and ' order by strategy) as sides
  from event where kind = 'battle' and tid > (select max(tid) from turns) - 3
  group by sid, x // 20, y // 20 order by ships desc, sid limit 8
), strongest as (
  select sid, eid, x, y, strategy, energy, blasters from entity where kind = 1 order by energy desc, eid limit 8
)
select tid, sid, eid, x, y, 'fight' as kind, 0.3::double as score, strategy, null as by_strategy,
  format('{} ships fight at one spot of system {}, of {}.', ships, sid, sides) as text
from battle
union all
select (select max(tid) from turns), sid, eid, x, y, 'strongest', 0.3, strategy, null,
  format('Ship {} of {} holds {:,} energy, with {} blasters: few are stronger.', eid, strategy, energy, blasters)
from strongest`,
    args: [],
    turn: null,
  },
  read: readStories,
};

export function readStories(answer: Answer): Story[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    sid: row.numberOrNull('sid'),
    eid: row.numberOrNull('eid'),
    x: row.numberOrNull('x'),
    y: row.numberOrNull('y'),
    kind: row.text('kind'),
    score: row.number('score'),
    strategy: row.textOrNull('strategy'),
    byStrategy: row.textOrNull('by_strategy'),
    text: row.text('text'),
  }));
}
