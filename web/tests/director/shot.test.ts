import { expect, test } from 'vitest';
import { overview, sentencesOf, visitTo } from '../../src/director/shot';
import { MAP } from '../../src/place/place';
import type { Standing } from '../../src/sql/standings';
import { standing, storyOf, turnsUpTo } from '../build';

const fleet = (strategy: string, energy: number, ships: number, kills = 0): Standing =>
  standing({ strategy, energy, energyBefore: energy, ships, kills });

test('a ship that does something is followed closely; of a fall and a fight the place is seen', () => {
  const ship = visitTo(storyOf({ kind: 'strongest', sid: 4, eid: 9, x: 10, y: 20 })).step;
  expect(ship).toMatchObject({ sid: 4, eid: 9, isFollowing: true, sight: { x: 10.5, y: 20.5 } });
  const fall = visitTo(storyOf({ kind: 'titan_falls', sid: 4, eid: 9, x: 10, y: 20 })).step;
  expect(fall).toMatchObject({ sid: 4, eid: null, isFollowing: false, sight: { x: 10.5, y: 20.5 } });
  expect(fall.sight?.span).toBeGreaterThan(ship.sight?.span ?? 99);
});

test('a ship whose cell is not told is followed from the middle of its system', () => {
  const { step } = visitTo(storyOf({ kind: 'spree', sid: 4, eid: 9, x: null, y: null }));
  expect(step).toMatchObject({ eid: 9, isFollowing: true, sight: { x: 50, y: 50 } });
  expect(step.sight?.span).toBeLessThan(40);
});

test('a system that changed hands is seen whole, and what has no place leads to the map', () => {
  const taken = visitTo(storyOf({ kind: 'system_taken', sid: 4, eid: 9, x: 3, y: 3 })).step;
  expect(taken).toMatchObject({ sid: 4, eid: 9, isFollowing: false, sight: null });
  expect(visitTo(storyOf({ kind: 'grounded', sid: null, eid: null })).step).toMatchObject({ sid: null });
});

test('no visit takes away the turn', () => {
  for (const step of [visitTo(storyOf()).step, overview(0, { standings: [], turn: null, from: null }).step])
    expect('turn' in step).toBe(false);
});

test('a visit lasts 8 to 12 s, longer for what is rarer', () => {
  const stay = (score: number, text = 'Short.'): number => visitTo(storyOf({ score, text })).staysMs;
  expect(stay(0)).toBe(8000);
  expect(stay(1)).toBeGreaterThan(stay(0));
  expect(stay(1, 'x'.repeat(400))).toBe(12_000);
});

test('overviews show the whole map and the neighbourhood in turn', () => {
  const outlook = { standings: [], turn: null, from: { sid: 3, x: 100, y: 200 } };
  expect({ ...MAP, ...overview(0, outlook).step }).toEqual(MAP);
  expect(overview(1, outlook).step.sight).toMatchObject({ x: 100.5, y: 200.5 });
  expect({ ...MAP, ...overview(1, { ...outlook, from: null }).step }).toEqual(MAP);
});

test('the overviews say who leads, who rises, who falls, who felled most and who has only numbers', () => {
  const standings = [
    { ...fleet('hunter', 900, 10, 7), energyBefore: 600 },
    { ...fleet('farmer', 100, 90), energyBefore: 200 },
  ];
  const [turn = null] = turnsUpTo(12);
  const outlook = { standings, turn, from: null };
  const said = sentencesOf(outlook);
  expect(said).toEqual([
    'hunter holds 90 % of all energy, farmer 10 %.',
    'Of 102 ships 2 have just fallen.',
    'hunter is gaining: 50 % more energy than 60 turns ago.',
    'Nobody felled more in the last 60 turns than hunter: 7 ships.',
    'farmer is losing: 50 % less energy than 60 turns ago.',
    'farmer flies most ships, 90 % of them, with 10 % of the energy.',
  ]);
  expect(overview(0, outlook).strategies).toEqual(['hunter', 'farmer']);
  const captions = [0, 1, 2, 3, 4, 5, 6].map((i) => overview(i, outlook).caption);
  expect(new Set(captions).size).toBe(6);
  expect(captions[6]).toBe(captions[0]);
});

test('of a universe without ships nothing wrong is said', () => {
  expect(sentencesOf({ standings: [], turn: null, from: null })).toEqual([]);
  expect(sentencesOf({ standings: [fleet('lone', 0, 1)], turn: null, from: null })[0]).toBe(
    'lone holds 0 % of all energy.',
  );
});
