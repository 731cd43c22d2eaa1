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

  test('on a phone that lies a panel of one line is a bar, and a higher one a panel', () => {
    const lying = { width: 740, height: 360 };
    const [strip, panel] = [rect(12, 54, 300, 46), rect(464, 54, 264, 290)];
    expect(freeFrame(lying, [strip, panel])).toEqual({ left: 16, top: 116, width: 432, height: 228 });
    expect(freeFrame(wide, [strip])).toMatchObject({ left: 328, top: 16 });
  });

  test('a panel without size takes no room, and panels without gap leave the whole window', () => {
    expect(freeFrame(wide, [rect(20, 72, 300, 0)])).toEqual({ left: 16, top: 16, width: 1408, height: 868 });
    expect(freeFrame(narrow, [rect(0, 0, 390, 420), rect(0, 430, 390, 414)])).toMatchObject({
      top: 16,
      height: 812,
    });
  });
});
