/** What is written can be read: every colour of text in the style sheets, on all that lies behind text. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { mixed } from '../src/view/colour';
import { inkOf, PALETTE } from '../src/view/look';
import { contrast } from './view/contrast';

// As text: vitest empties what it imports of style sheets.
const SRC = join(dirname(fileURLToPath(import.meta.url)), '../src');
const STYLES = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.css'),
);
const textOf = (path: string): string => readFileSync(join(SRC, path), 'utf8');
const ALL = STYLES.filter((path) => !path.endsWith('print.css'))
  .map(textOf)
  .join('\n');
const RATIO_MIN = 7;

/** `--name: #hex` of a text. */
function tokensOf(text: string): Map<string, number> {
  return new Map(
    [...text.matchAll(/--([a-z]+):\s*#([0-9a-f]{6}|[0-9a-f]{3})\b/g)].map(([, name, hex]) => [
      String(name),
      hexOf(String(hex)),
    ]),
  );
}

function hexOf(hex: string): number {
  return Number.parseInt(hex.length === 3 ? hex.replace(/./g, '$&$&') : hex, 16);
}

/** The glass of panels over the brightest that the backdrop draws, and the opaque sheets. */
const SKY = 0x04060c;
const BRIGHT_SKY = 0x2a1a4a;
const GLASS = mixed(BRIGHT_SKY, 0x090d19, 0.72);
const SHEET = 0x080c17;
const BEHIND = { SKY, GLASS, SHEET };

/** Text on a ground of its own: the pair is checked instead. */
const OWN_GROUND: Readonly<Record<string, number>> = {
  '#1d1405': 0xffd08a,
  '#ffe3da': 0x40180f,
  '#d6ffe9': 0x10342a,
};

describe('text has a contrast of 7 to 1 at least', () => {
  const tokens = tokensOf(ALL);

  test('in every colour of the style sheets', () => {
    expect(tokens.size).toBeGreaterThan(5);
    const colours = new Set(
      [...ALL.matchAll(/(?<![\w-])color:\s*([^;]+);/g)].map(([, colour]) => String(colour)),
    );
    expect(colours.size).toBeGreaterThan(5);
    const poor: string[] = [];
    for (const colour of colours) {
      if (/^(inherit|currentcolor|transparent)/.test(colour)) continue;
      const name = /^var\(--([a-z]+)/.exec(colour)?.[1];
      // Of a strategy: see below.
      if (name === 'accent') continue;
      const hex = /^#([0-9a-f]{3,6})\b/.exec(colour)?.[1];
      const value = name === undefined ? (hex === undefined ? null : hexOf(hex)) : (tokens.get(name) ?? null);
      expect(value, `${colour} is a token or #rrggbb`).not.toBeNull();
      const own = OWN_GROUND[colour];
      for (const [where, ground] of Object.entries(own === undefined ? BEHIND : { own })) {
        const ratio = contrast(value ?? 0, ground);
        if (ratio < RATIO_MIN) poor.push(`${colour} on ${where}: ${ratio.toFixed(2)}`);
      }
    }
    expect(poor).toEqual([]);
  });

  test('in the colours of strategies, where they are text', () => {
    for (const colour of PALETTE)
      for (const ground of Object.values(BEHIND))
        expect(contrast(inkOf(colour), ground)).toBeGreaterThanOrEqual(RATIO_MIN);
    expect(inkOf(0xd7f471)).toBe(0xd7f471);
  });

  test('on paper', () => {
    const paper = tokensOf(textOf('style/print.css'));
    for (const name of ['ink', 'muted', 'glow', 'blue', 'warning', 'good'])
      expect(contrast(paper.get(name) ?? 0xffffff, 0xffffff), name).toBeGreaterThanOrEqual(RATIO_MIN);
  });
});
