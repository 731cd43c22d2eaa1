import { expect, test } from 'vitest';
import { fromOklch, mixed, strategyHue, toCss } from '../../src/view/colour';
import { contrastOnSky } from './contrast';

test('the hue of a name is its own, and bright enough on the dark sky', () => {
  expect(toCss(strategyHue('strategy_flee'))).toBe(toCss(strategyHue('strategy_flee')));
  const colours = Array.from({ length: 10 }, (_, i) => strategyHue(`strategy_${i}`));
  expect(new Set(colours).size).toBe(10);
  for (let i = 0; i < 200; i += 1) expect(contrastOnSky(strategyHue(`fleet ${i}`))).toBeGreaterThan(4.5);
});

test('OKLCH becomes the sRGB of its published examples', () => {
  expect(toCss(fromOklch(1, 0, 0))).toBe('#ffffff');
  expect(toCss(fromOklch(0, 0, 0))).toBe('#000000');
  expect(toCss(fromOklch(0.627955, 0.257683, 29.2339))).toBe('#ff0000');
  expect(toCss(fromOklch(0.86644, 0.294827, 142.4953))).toBe('#00ff00');
  expect(toCss(fromOklch(0.452014, 0.313214, 264.052))).toBe('#0000ff');
});

test('mixed goes from one colour to the other, channel by channel', () => {
  expect(mixed(0x102030, 0xff00ff, 0)).toBe(0x102030);
  expect(mixed(0x102030, 0xff00ff, 1)).toBe(0xff00ff);
  expect(mixed(0x000000, 0x204060, 0.5)).toBe(0x102030);
});
