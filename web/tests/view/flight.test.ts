import { describe, expect, test } from 'vitest';
import { ease, flightBetween, flightMs } from '../../src/view/flight';

const WHOLE = { x: 250, y: 250, span: 516 };
const SYSTEM = { x: 411.5, y: 87.5, span: 1.1 };

describe('flightBetween', () => {
  test.each([
    [WHOLE, SYSTEM],
    [SYSTEM, WHOLE],
    [SYSTEM, { x: 12, y: 480, span: 1.1 }],
    [WHOLE, { ...WHOLE, span: 20 }],
    [WHOLE, WHOLE],
  ])('begins at %j and ends at %j', (from, to) => {
    const flight = flightBetween(from, to);
    const start = flight.at(0);
    expect(start.x).toBeCloseTo(from.x);
    expect(start.y).toBeCloseTo(from.y);
    expect(start.span).toBeCloseTo(from.span);
    expect(flight.at(1)).toEqual(to);
    const nearly = flight.at(0.999999);
    expect(nearly.x).toBeCloseTo(to.x, 2);
    expect(nearly.span).toBeCloseTo(to.span, 2);
  });

  test('between far systems it draws back on the way', () => {
    const flight = flightBetween({ x: 10, y: 10, span: 1 }, { x: 400, y: 300, span: 1 });
    expect(flight.at(0.5).span).toBeGreaterThan(100);
  });

  test('without distance it zooms evenly', () => {
    expect(flightBetween({ ...WHOLE, span: 400 }, { ...WHOLE, span: 4 }).at(0.5).span).toBeCloseTo(40);
  });

  test('moves evenly: equal shares of the way are equal steps to the eye', () => {
    const flight = flightBetween(WHOLE, SYSTEM);
    // The eye's step: the pan in units of the span and the zoom as a ratio, the metric of the paper.
    const step = (share: number): number => {
      const a = flight.at(share);
      const b = flight.at(share + 0.001);
      return (
        Math.hypot((1.42 ** 2 * Math.hypot(b.x - a.x, b.y - a.y)) / a.span, Math.log(b.span / a.span)) / 1.42
      );
    };
    const steps = [0.05, 0.3, 0.5, 0.7, 0.95].map(step);
    for (const each of steps) expect(each).toBeCloseTo(flight.length / 1000, 4);
  });
});

test('a flight takes the time its length deserves, within limits', () => {
  expect(flightMs(flightBetween(WHOLE, WHOLE))).toBe(350);
  const far = flightMs(flightBetween(WHOLE, SYSTEM));
  expect(far).toBeGreaterThan(800);
  expect(far).toBeLessThanOrEqual(1700);
});

test('ease rises from 0 to 1 and is held there', () => {
  expect([-1, 0, 0.5, 1, 2].map(ease)).toEqual([0, 0, 0.5, 1, 1]);
  expect(ease(0.3)).toBeLessThan(0.3);
});
