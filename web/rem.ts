import type { AcceptedPlugin } from 'postcss';

const LENGTH = /(?<![\w.-])(-?\d*\.?\d+)px\b/g;
/** A hair stays a hair on every window. */
const HAIR_MAX = 2;
const PIXELS = 16;

/** `12px` as `0.75rem`: in the size that letters have by default. */
export function inRem(value: string): string {
  return value.replace(LENGTH, (length, pixels: string) =>
    Math.abs(Number(pixels)) <= HAIR_MAX ? length : `${Number((Number(pixels) / PIXELS).toFixed(4))}rem`,
  );
}

/**
 * Lengths are written in pixels of an ordinary window; the build makes them multiples of the size of letters, so that
 * all of the interface grows with it: on large windows (`:root` in base.css), and for who has set larger letters.
 * Conditions of media queries stay as they are.
 */
export function pixelsInRem(): AcceptedPlugin {
  return {
    postcssPlugin: 'pixels-in-rem',
    Declaration(declaration) {
      const rule = declaration.parent;
      if (rule?.type === 'rule' && 'selector' in rule && rule.selector === ':root') return;
      declaration.value = inRem(declaration.value);
    },
  };
}
