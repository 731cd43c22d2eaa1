import { type Answer, readRows } from '../source/answer';
import { at, type Question } from './question';
import { MAP_SIDE } from './space';
import { SUMMARIES, SUMMARY_COLUMNS, SUMMARY_TURNS, type SystemSummary } from './systems';

/** What a strategy has in a system or, of many systems, in a square of the map. */
export interface Holding {
  readonly strategy: string;
  /** Where its energy is, in cells of the map. */
  readonly x: number;
  readonly y: number;
  readonly energy: number;
}

/** One figure of a system. */
export interface Figure {
  readonly sid: number;
  readonly value: number;
}

/** Up to so many systems each has rows of its own; of more, those in squares of so many cells have them together. */
const SYSTEMS_APART = 2500;
const CELLS = 8;

/** Whose territory is where. */
export const HOLDINGS: Question<readonly Holding[]> = {
  about: 'holdings',
  pace: SUMMARY_TURNS,
  query: {
    sql: `select strategy, sum((s.x + 0.5) * energy) / sum(energy) as x, sum((s.y + 0.5) * energy) / sum(energy) as y,
  sum(energy)::bigint as energy
from (select sid, strategy, sum(energy) as energy from entity where kind = 1 and strategy is not null group by sid, strategy)
join solar_system s using (sid) where energy > 0
group by strategy, case when (select count(*) from solar_system) <= ${SYSTEMS_APART} then sid
  else (s.y::integer // ${CELLS}) * ${MAP_SIDE} + s.x // ${CELLS} end`,
    args: [],
    turn: null,
  },
  read: (answer) =>
    readRows(answer, (row) => ({
      strategy: row.text('strategy'),
      x: row.number('x'),
      y: row.number('y'),
      energy: row.number('energy'),
    })),
};

/** In which systems one strategy is, and with how much energy. */
export function isolatedQuestion(
  strategy: string | null,
  turn: number | null,
): Question<readonly Figure[]> | null {
  if (strategy === null) return null;
  const sql =
    'select sid, sum(energy)::bigint as value from entity where kind = 1 and strategy = ? group by sid';
  return {
    about: `isolated ${strategy}`,
    pace: SUMMARY_TURNS,
    query: { sql, args: [strategy], turn },
    read: readFigures,
  };
}

/** Battles of all turns of which events are kept, by system. */
const BATTLES: Question<readonly Figure[]> = {
  about: 'battles',
  pace: SUMMARY_TURNS,
  query: {
    sql: "select sid, count(*) as value from event where kind = 'battle' group by sid",
    args: [],
    turn: null,
  },
  read: readFigures,
};

/** Ships born less ships lost in these turns. */
const CHANGE: Question<readonly Figure[]> = {
  about: 'change',
  pace: SUMMARY_TURNS,
  query: {
    // Nodes appear too, without a strategy; ships are lost in battle or for want of energy.
    sql: `select sid, count(*) filter (where kind = 'spawn') - count(*) filter (where kind <> 'spawn') as value
from event where kind in ('spawn', 'death', 'starve') and strategy is not null group by sid`,
    args: [],
    turn: null,
  },
  read: readFigures,
};

/** What a layer needs beyond the summaries of systems; null where that is nothing. */
export function layerQuestion(layer: string | null, turn: number | null): Question<readonly Figure[]> | null {
  if (layer === 'battles') return at(BATTLES, turn);
  return layer === 'change' ? at(CHANGE, turn) : null;
}

function readFigures(answer: Answer): Figure[] {
  return readRows(answer, (row) => ({ sid: row.number('sid'), value: row.number('value') }));
}

/** So many systems around one are told. */
const NEIGHBOURS = 4;

/** Who leads the inhabited systems around one, the nearest first; null on the map. */
export function neighboursQuestion(
  sid: number | null,
  turn: number | null,
): Question<readonly SystemSummary[]> | null {
  if (sid === null) return null;
  const sql = `with here as (select x, y from solar_system where sid = ?),
near as (select o.sid, (o.x::integer - here.x) ** 2 + (o.y::integer - here.y) ** 2 as far
  from solar_system o, here where o.sid <> ? order by far, o.sid limit ${NEIGHBOURS}),
fleet as (select sid, strategy, count(*) as ships, sum(energy) as energy
  from entity where kind = 1 and sid in (select sid from near) group by sid, strategy)
select ${SUMMARY_COLUMNS}
from fleet join near using (sid) group by sid, far order by far, sid`;
  return { ...SUMMARIES, about: `neighbours ${sid}`, query: { sql, args: [sid, sid], turn } };
}
