import { expect, test } from 'vitest';
import { placeOf } from '../../src/panel/tips';

const WINDOW = { width: 400, height: 300 };
const TIP = { width: 200, height: 40 };

test('an explanation is below what it explains, above where there is no room, and within the window', () => {
  expect(placeOf({ left: 50, top: 20, bottom: 40 }, TIP, WINDOW)).toEqual({ x: 50, y: 46 });
  expect(placeOf({ left: 50, top: 260, bottom: 280 }, TIP, WINDOW)).toEqual({ x: 50, y: 214 });
  expect(placeOf({ left: 390, top: 20, bottom: 40 }, TIP, WINDOW)).toEqual({ x: 192, y: 46 });
  expect(placeOf({ left: -9, top: 20, bottom: 40 }, { width: 999, height: 290 }, WINDOW)).toEqual({
    x: 8,
    y: 8,
  });
});
