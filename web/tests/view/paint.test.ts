import { expect, test } from 'vitest';
import type { SystemSummary } from '../../src/sql/systems';
import { claimsOf } from '../../src/view/claims';
import { figuresOf, heatOf, layerAfter, peakOf } from '../../src/view/layers';
import { brightness, paintStars } from '../../src/view/paint';
import { BALANCE, HEAT, rampColour } from '../../src/view/ramp';

const summary = (sid: number, energy: number, leader = 'a', leaderEnergy = energy): SystemSummary => ({
  sid,
  energy,
  ships: sid,
  leader,
  leaderEnergy,
});
const star = (sid: number) => ({ sid, x: 0, y: 0, at: { x: 0, y: 0 } });
const colourOf = (strategy: string): number => (strategy === 'a' ? 0xff0000 : 0x0000ff);

test('brightness is the rank by energy, whatever the scale', () => {
  const lights = brightness([summary(1, 5), summary(2, 1_000_000), summary(3, 6)]);
  expect([...lights]).toEqual([
    [1, 0],
    [3, 0.5],
    [2, 1],
  ]);
  expect(brightness([summary(1, 5)]).get(1)).toBe(0);
});

test('a star has the colour of its leader, whiter the more it is shared, and shines by its rank', () => {
  const pixels = paintStars([star(2), star(1), star(9)], [summary(1, 5), summary(2, 90, 'b', 45)], colourOf, {
    kind: 'leader',
  });
  expect([...pixels.subarray(0, 4)]).toEqual([64, 64, 255, 255]);
  expect([...pixels.subarray(4, 8)]).toEqual([255, 0, 0, 0]);
  expect(pixels[11]).toBe(0);
});

test('of an isolated strategy only its stars shine', () => {
  const energy = new Map([[2, 90]]);
  const pixels = paintStars([star(1), star(2)], [summary(1, 100), summary(2, 90)], colourOf, {
    kind: 'isolated',
    colour: 0x00ff00,
    energy,
  });
  expect(pixels[3]).toBeLessThan(30);
  expect([...pixels.subarray(4, 7)]).toEqual([0, 255, 0]);
  expect(pixels[7]).toBeGreaterThan(60);
});

test('a heat that is the same everywhere does not outshine its colour, one that is rare shines in full', () => {
  const stars = Array.from({ length: 10 }, (_, sid) => star(sid));
  const light = (heat: [number, number][]): number =>
    paintStars(stars, [], colourOf, { kind: 'heat', ramp: HEAT, heat: new Map(heat) })[3] ?? 0;
  expect(light([[0, 1]])).toBe(255);
  expect(light(stars.map(({ sid }) => [sid, 1]))).toBeLessThan(100);
});

test('claims are the richest first; all but the isolated one lose their colour', () => {
  const holdings = [
    { strategy: 'a', x: 1, y: 2, energy: 3 },
    { strategy: 'b', x: 5, y: 6, energy: 40 },
    { strategy: 'a', x: 7, y: 8, energy: 9 },
  ];
  const claims = claimsOf(holdings, colourOf, null);
  expect(claims.map(({ strategy, colour }) => [strategy, colour])).toEqual([
    ['b', 0x0000ff],
    ['a', 0xff0000],
  ]);
  expect(claims[1]?.deposits).toEqual([
    { x: 1, y: 2, weight: 3 },
    { x: 7, y: 8, weight: 9 },
  ]);
  const isolated = claimsOf(holdings, colourOf, 'a');
  expect(isolated[1]?.colour).toBe(0xff0000);
  expect((isolated[0]?.colour ?? 0xff) & 0xff).toBeLessThan(0x60);
});

test('a universe of many strategies has few territories, and the isolated one is among them', () => {
  const holdings = Array.from({ length: 40 }, (_, i) => ({ strategy: `s${i}`, x: 0, y: 0, energy: 100 - i }));
  expect(claimsOf(holdings, colourOf, null)).toHaveLength(13);
  expect(claimsOf(holdings, colourOf, 's39').some(({ strategy }) => strategy === 's39')).toBe(true);
});

test('layers show what they say', () => {
  const summaries = [summary(4, 100), summary(9, 25)];
  const asked = [{ sid: 4, value: -3 }];
  expect(figuresOf('energy', summaries, null)).toEqual([
    { sid: 4, value: 100 },
    { sid: 9, value: 25 },
  ]);
  expect(figuresOf('density', summaries, null)?.[1]).toEqual({ sid: 9, value: 9 });
  expect(figuresOf('battles', summaries, null)).toBeNull();
  expect(figuresOf('change', summaries, asked)).toBe(asked);
  expect(peakOf([...asked, { sid: 5, value: 2 }])).toEqual({ sid: 4, value: -3 });
  expect([...heatOf(figuresOf('energy', summaries, null) ?? [])]).toEqual([
    [4, 1],
    [9, 0.5],
  ]);
  expect(heatOf([{ sid: 1, value: 0 }]).get(1)).toBe(0);
});

test('the key goes through all layers and back to none', () => {
  const seen = [];
  for (let layer = layerAfter(null); layer !== null; layer = layerAfter(layer)) seen.push(layer);
  expect(seen).toEqual(['energy', 'battles', 'density', 'change']);
});

test('a ramp goes from its first colour to its last, and a balance has nothing in its middle', () => {
  expect(rampColour(HEAT, 0)).toBe(HEAT[0]);
  expect(rampColour(HEAT, 1)).toBe(HEAT.at(-1));
  expect(rampColour(HEAT, 9)).toBe(HEAT.at(-1));
  expect(rampColour(BALANCE, 0)).toBe(BALANCE[2]);
  expect(rampColour(BALANCE, -1)).toBe(BALANCE[0]);
});
