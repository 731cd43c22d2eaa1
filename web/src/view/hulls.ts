import { SHAPES } from './look';

/** The side of the square in which hulls are drawn. */
export const HULL_BOX = 256;

/**
 * Hulls, their nose to the east: of each the half to the right of the way it flies, as the path of an SVG. The other half
 * is its mirror image in the line y = 128.
 */
export const HULLS: readonly string[] = [
  // a dart with swept wings
  'M246 128 Q170 158 108 166 L18 220 L44 154 L62 128 Z',
  // a disc, blunt behind
  'M238 128 C238 192 190 228 132 228 C86 228 52 204 42 160 L66 128 Z',
  // a cross
  'M244 128 L214 150 L152 150 L128 232 L84 232 L92 152 L28 164 L28 128 Z',
  // claws before a short body
  'M178 128 C186 166 208 192 246 200 C176 238 82 214 30 150 L52 128 Z',
  // a diamond
  'M248 128 L132 214 L20 128 Z',
];

/** The hull of a look. */
export function hullOf(shape: number): string {
  return HULLS[shape % SHAPES] ?? '';
}
