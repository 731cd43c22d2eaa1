import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';

/** One line of the leaderboard: the newest turn's fleet, and what it did in the last minute of turns. */
export interface Standing {
  readonly tid: number;
  readonly strategy: string;
  readonly ships: number;
  readonly energy: number;
  /** The energy of its ships in the first of the turns that are counted. */
  readonly energyBefore: number;
  readonly kills: number;
  readonly faults: number;
}

/** The turns over which kills and faults are counted, and against which a rise or a fall is seen. */
export const STANDING_TURNS = 60;

/** Who has most energy comes first: energy decides battles, however many ships others have. */
export const STANDING_ORDER = 'energy desc, ships desc, strategy';

export const STANDINGS: Question<readonly Standing[]> = {
  about: 'standings',
  pace: 'turn',
  query: {
    sql: `select (select max(tid) from turns) as tid, strategy, max_by(ships, tid) as ships,
  max_by(energy, tid)::bigint as energy, min_by(energy, tid)::bigint as energy_before,
  sum(kills)::bigint as kills, sum(faults)::bigint as faults
from strategy_turn where tid > (select max(tid) from turns) - ${STANDING_TURNS}
group by strategy having max_by(ships, tid) > 0 order by ${STANDING_ORDER}`,
    args: [],
    turn: null,
  },
  read: readStandings,
};

/** What one strategy had at the end of one turn. */
export interface Holding {
  readonly tid: number;
  /** Null: all strategies together that are not among the named ones. */
  readonly strategy: string | null;
  readonly energy: number;
  readonly ships: number;
}

/** The turns that the chart shows. */
export const HISTORY_TURNS = 600;
/** A chart of a few hundred pixels needs no more than every fourth turn of them. */
export const HISTORY_STEP = 4;
/** So many strategies have a band of their own in the chart. */
export const NAMED_MAX = 10;

/**
 * Asked once; what comes after it is known from `STANDINGS`. It is asked again when all of it has gone by, and when the
 * server is found again.
 */
export const HISTORY: Question<readonly Holding[]> = {
  about: 'history',
  pace: HISTORY_TURNS,
  query: {
    sql: `with newest as (select max(tid) as tid from turns),
named as (select strategy from strategy_turn where tid = (select tid from newest)
  order by ${STANDING_ORDER} limit ${NAMED_MAX})
select t.tid, n.strategy, sum(t.energy)::bigint as energy, sum(t.ships)::bigint as ships
from strategy_turn t left join named n on n.strategy = t.strategy
where t.tid > (select tid from newest) - ${HISTORY_TURNS} and t.tid % ${HISTORY_STEP} = 0
group by t.tid, n.strategy order by t.tid, n.strategy`,
    args: [],
    turn: null,
  },
  read: readHoldings,
};

function readStandings(answer: Answer): Standing[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    strategy: row.text('strategy'),
    ships: row.number('ships'),
    energy: row.number('energy'),
    energyBefore: row.number('energy_before'),
    kills: row.number('kills'),
    faults: row.number('faults'),
  }));
}

function readHoldings(answer: Answer): Holding[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    strategy: row.textOrNull('strategy'),
    energy: row.number('energy'),
    ships: row.number('ships'),
  }));
}
