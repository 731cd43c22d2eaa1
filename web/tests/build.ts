/** One builder per object: tests name only what they are about. */
import type { Answer, Value } from '../src/source/answer';
import type { Standing } from '../src/sql/standings';
import type { Story } from '../src/sql/story';
import type { Entity, SystemEvent, SystemState } from '../src/sql/system';
import type { TurnRecord } from '../src/sql/turns';

export function answerOf(rows: readonly Record<string, Value>[], turn: number | null = 7): Answer {
  const names = Object.keys(rows[0] ?? {});
  return {
    turn,
    cut: null,
    columns: names.map((name) => ({ name, dataType: '' })),
    rows: rows.map((row) => names.map((name) => row[name] ?? null)),
  };
}

export function ship(given: Partial<Entity> = {}): Entity {
  return {
    eid: 1,
    kind: 'ship',
    strategy: 'strategy_default',
    x: 5,
    y: 5,
    energy: 100,
    shield: 100,
    blasters: 2,
    thrusters: 2,
    harvesters: 2,
    lastPlan: '0',
    plan: null,
    ...given,
  };
}

export function node(given: Partial<Entity> = {}): Entity {
  return ship({
    eid: 100,
    kind: 'node',
    strategy: null,
    shield: 0,
    blasters: 0,
    thrusters: 0,
    harvesters: 0,
    ...given,
  });
}

export function event(given: Partial<SystemEvent> = {}): SystemEvent {
  return {
    tid: 7,
    kind: 'battle',
    eid: 1,
    x: 5,
    y: 5,
    strategy: 'strategy_default',
    byStrategy: null,
    ...given,
  };
}

export function stateOf(
  entities: readonly Entity[],
  events: readonly SystemEvent[] = [],
  turn = 7,
): SystemState {
  return { turn, entities, events };
}

/** Turns of a universe that plays one each `periodMs`, newest first. */
export function turnsUpTo(
  tid: number,
  given: { count?: number; periodMs?: number; durationMs?: number; startMs?: number } = {},
): TurnRecord[] {
  const { count = 3, periodMs = 1000, durationMs = 100, startMs = 0 } = given;
  return Array.from({ length: Math.min(count, tid) }, (_, age) => ({
    tid: tid - age,
    startMs: startMs + (tid - age) * periodMs,
    endMs: startMs + (tid - age) * periodMs + durationMs,
    writes: 300,
    ships: 100,
    nodes: 200,
    kills: 2,
    faults: 0,
    isLate: false,
  }));
}

export function standing(given: Partial<Standing> = {}): Standing {
  return {
    tid: 7,
    strategy: 'strategy_default',
    ships: 10,
    energy: 1000,
    energyBefore: 1000,
    kills: 0,
    faults: 0,
    ...given,
  };
}

export function storyOf(given: Partial<Story> = {}): Story {
  return {
    tid: 7,
    sid: 1,
    eid: 1,
    x: 5,
    y: 5,
    kind: 'fight',
    score: 0.5,
    strategy: 'strategy_default',
    byStrategy: null,
    text: 'Two ships fight.',
    ...given,
  };
}
