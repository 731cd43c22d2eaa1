import { type Answer, readRows } from '../source/answer';
import type { Question } from './question';

/** The parts of a turn, in their order. */
export const PHASES = ['read', 'observe', 'decide', 'resolve', 'commit', 'publish'] as const;

export type Phase = (typeof PHASES)[number];

/** What the newest turn cost whose every phase is known, and how many watch. */
export interface TurnCost {
  readonly tid: number;
  readonly seconds: Readonly<Record<Phase, number>>;
  readonly watchers: number;
}

/** Null where the server has not played turns itself. */
export const TURN_COST: Question<TurnCost | null> = {
  about: 'turn cost',
  pace: 'turn',
  query: {
    sql: `select tid, ${PHASES.map((phase) => `${phase}_seconds`).join(', ')}, (select max_by(watchers, tid) from turn_phase) as watchers
from turn_phase where publish_seconds is not null order by tid desc limit 1`,
    args: [],
    turn: null,
  },
  read: readCost,
};

function readCost(answer: Answer): TurnCost | null {
  const [cost] = readRows(answer, (row) => ({
    tid: row.number('tid'),
    seconds: Object.fromEntries(PHASES.map((phase) => [phase, row.number(`${phase}_seconds`)])) as Record<
      Phase,
      number
    >,
    watchers: row.number('watchers'),
  }));
  return cost ?? null;
}
