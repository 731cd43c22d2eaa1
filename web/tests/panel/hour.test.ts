import { expect, test } from 'vitest';
import { lookBack, SAMPLES_MAX, samplesOf } from '../../src/panel/hour';
import { Refused, Unreachable } from '../../src/source/failure';
import type { Query } from '../../src/source/request';
import { KEPT } from '../../src/sql/kept';
import { HOUR_TURNS } from '../../src/sql/story';
import { answerOf } from '../build';

const PARTS = { energy: 7, blasters: 1, thrusters: 2, harvesters: 3 };

/** A server that keeps turns 100 to 1,100, of a ship that was born in turn 800; it has forgotten turn 1,090. */
function server(asked: Query[]) {
  return async (query: Query) => {
    asked.push(query);
    if (query === KEPT) return answerOf([{ oldest_tid: 100, newest_tid: 1100, memory_tid: 1092, tells: 1 }]);
    if (query.turn === 1090) throw new Refused('gone', 404, '1105');
    return answerOf(query.turn !== null && query.turn >= 800 ? [PARTS] : [], query.turn);
  };
}

async function told(asked: Query[], turn: number | null, least = 0): Promise<number[]> {
  const tids: number[] = [];
  for await (const step of lookBack(server(asked), 3, 9, turn)) {
    if (!('moment' in step)) continue;
    tids.push(step.moment.tid);
    if (least > 0 && tids.length >= least) break;
  }
  return tids;
}

test('the samples reach an hour back, or as far as turns are kept, and are closest at the end', () => {
  const turns = samplesOf(0, 10_000);
  expect([turns[0], turns.at(-1), turns.length]).toEqual([10_000, 10_000 - HOUR_TURNS, SAMPLES_MAX]);
  expect((turns[0] ?? 0) - (turns[1] ?? 0)).toBeLessThan((turns[8] ?? 0) - (turns[9] ?? 0));
  expect(samplesOf(95, 100)).toEqual([...new Set(samplesOf(95, 100))]);
  expect(samplesOf(95, 100).at(-1)).toBe(95);
  expect(samplesOf(7, 7)).toEqual([7]);
});

test('a ship is looked at back to its birth, and not further; a turn that is gone is left out', async () => {
  const asked: Query[] = [];
  expect(await told(asked, null)).toEqual([1100, 1060, 1010, 940, 850]);
  expect(asked.slice(1).map(({ turn }) => turn)).toEqual([1100, 1090, 1060, 1010, 940, 850, 740]);
  expect(asked.length).toBeLessThanOrEqual(SAMPLES_MAX + 1);
});

test('who leaves asks nothing more, and a past turn is the newest one that is looked at', async () => {
  const asked: Query[] = [];
  expect(await told(asked, 1000, 1)).toEqual([1000]);
  expect(asked).toHaveLength(2);
});

test('a server that is away is no turn without the ship', async () => {
  const away = async (): Promise<never> => {
    throw new Unreachable('away');
  };
  await expect(lookBack(away, 3, 9, null).next()).rejects.toThrow('away');
});
