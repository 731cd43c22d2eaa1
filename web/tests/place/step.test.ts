import { expect, test } from 'vitest';
import { MAP, type Place } from '../../src/place/place';
import { backFrom, intoSystem, type Step, TO_LIVE, TO_MAP, toEntity, toIsolated } from '../../src/place/step';

const DEEP: Place = {
  turn: 7,
  play: 2,
  sid: 4,
  eid: 9,
  sight: { x: 1, y: 2, span: 3 },
  isFollowing: true,
  sheet: 'console',
  args: '[7]',
  sql: 'select 1',
  isolate: 'a',
  measure: 'energy',
  isTouring: false,
  idleSeconds: null,
  layer: 'energy',
  isEmbedded: false,
  hidden: [],
  news: null,
};

const after = (place: Place, step: Step | null): Place => ({ ...place, ...step });

test('back leads from the sheet to the ship, the system, the map and all of it; the turn stays', () => {
  const steps = [DEEP];
  for (let place: Place | undefined = DEEP; place !== undefined; ) {
    const step = backFrom(place);
    place = step === null ? undefined : after(place, step);
    if (place !== undefined) steps.push(place);
  }
  expect(steps.map(({ turn, sid, eid, sheet, isolate }) => [turn, sid, eid, sheet, isolate])).toEqual([
    [7, 4, 9, 'console', 'a'],
    [7, 4, 9, null, 'a'],
    [7, 4, null, null, 'a'],
    [7, null, null, null, 'a'],
    [7, null, null, null, null],
  ]);
});

test('no way through space changes the time, and the way back to live changes nothing else', () => {
  for (const step of [TO_MAP, intoSystem(5), toEntity(DEEP, 3), toEntity(DEEP, null)])
    expect(after(DEEP, step).turn).toBe(7);
  expect(after(DEEP, TO_LIVE)).toEqual({ ...DEEP, turn: null, play: null });
});

test('into another system goes neither the selection nor the sight', () => {
  expect(after(DEEP, intoSystem(5))).toEqual({
    ...MAP,
    turn: 7,
    play: 2,
    sid: 5,
    sql: 'select 1',
    args: '[7]',
    isolate: 'a',
    layer: 'energy',
  });
});

test('who selects another ship goes on following; who selects none does not', () => {
  expect(toEntity(DEEP, 3)).toEqual({ eid: 3, isFollowing: true });
  expect(toEntity(DEEP, null)).toEqual({ eid: null, isFollowing: false });
});

test('a strategy is made to stand out on the map, and the same again no longer, where one is', () => {
  expect(after(DEEP, toIsolated(DEEP, 'b'))).toEqual({ ...DEEP, ...TO_MAP, isolate: 'b' });
  expect(after(DEEP, toIsolated(DEEP, 'a'))).toEqual({ ...DEEP, isolate: null });
});
