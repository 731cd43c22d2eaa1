import { expect, test } from 'vitest';
import { fromOklch, mixed, strategyColour, toCss } from '../../src/view/colour';

test('a strategy has the same colour for ever', () => {
  const bundled = ['strategy_default', 'strategy_flee', 'strategy_battle', 'strategy_blank'];
  expect(bundled.map((name) => toCss(strategyColour(name)))).toMatchInlineSnapshot(`
    [
      "#3bcbff",
      "#5fd598",
      "#f66c70",
      "#bca9ff",
    ]
  `);
});

test('names that differ in one letter differ in colour', () => {
  const colours = Array.from({ length: 10 }, (_, i) => strategyColour(`strategy_${i}`));
  expect(new Set(colours).size).toBe(10);
});

test('every colour is bright enough on the dark sky', () => {
  for (let i = 0; i < 200; i += 1) expect(contrastOnSky(strategyColour(`fleet ${i}`))).toBeGreaterThan(4.5);
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

/** WCAG 2.2, relative luminance and contrast ratio, against #04060c. */
function contrastOnSky(colour: number): number {
  const luminance = (rgb: number): number => {
    const [r, g, b] = [16, 8, 0].map((shift) => {
      const value = ((rgb >> shift) & 0xff) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
  };
  return (luminance(colour) + 0.05) / (luminance(0x04060c) + 0.05);
}
