import { describe, expect, test } from 'vitest';
import { freeFrame } from '../../src/view/layout';

describe('freeFrame', () => {
  const rect = (left: number, top: number, width: number, height: number): DOMRect =>
    ({ left, top, width, height, right: left + width, bottom: top + height }) as DOMRect;
  const wide = { width: 1440, height: 900 };
  const narrow = { width: 390, height: 844 };

  test('on a wide window it lies between the panels', () => {
    const frame = freeFrame(wide, [rect(0, 0, 1440, 64), rect(20, 72, 300, 500), rect(1080, 72, 340, 600)]);
    expect(frame).toEqual({ left: 336, top: 80, width: 728, height: 804 });
  });

  test('on a narrow one it lies between what is above and below', () => {
    const frame = freeFrame(narrow, [rect(0, 0, 390, 54), rect(10, 54, 370, 80), rect(10, 600, 370, 234)]);
    expect(frame).toEqual({ left: 16, top: 150, width: 358, height: 434 });
  });

  test('a panel without size takes no room, and panels without gap leave the whole window', () => {
    expect(freeFrame(wide, [rect(20, 72, 300, 0)])).toEqual({ left: 16, top: 16, width: 1408, height: 868 });
    expect(freeFrame(narrow, [rect(0, 0, 390, 420), rect(0, 430, 390, 414)])).toMatchObject({
      top: 16,
      height: 812,
    });
  });
});
