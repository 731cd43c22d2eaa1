import { type Answer, readRows } from '../source/answer';
import type { TurnTime } from './period';
import type { Question } from './question';

export interface TurnRecord extends TurnTime {
  readonly writes: number;
  readonly ships: number;
  readonly nodes: number;
  readonly kills: number;
  readonly faults: number;
  readonly isLate: boolean;
}

/** The last minute of a universe at one turn a second: enough for the pace, the figures and the sparkline. */
export const TURNS_KEPT = 60;

/** Newest first. */
export const TURNS: Question<readonly TurnRecord[]> = {
  about: 'turns',
  pace: 'beat',
  query: {
    sql: `select tid, epoch_us(start_time) / 1000.0::double as start_ms, epoch_us(end_time) / 1000.0::double as end_ms,
  writes, ships, energy_nodes, kills, faults, late
from turns order by tid desc limit ${TURNS_KEPT}`,
    args: [],
    turn: null,
  },
  read: readTurns,
};

function readTurns(answer: Answer): TurnRecord[] {
  return readRows(answer, (row) => ({
    tid: row.number('tid'),
    startMs: row.number('start_ms'),
    endMs: row.number('end_ms'),
    writes: row.number('writes'),
    ships: row.number('ships'),
    nodes: row.number('energy_nodes'),
    kills: row.number('kills'),
    faults: row.number('faults'),
    isLate: row.boolean('late'),
  }));
}
