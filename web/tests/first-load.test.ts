/** What the first visit costs on the wire, of the files as they are built. `npm run build` comes before. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PAGE = join(dirname(fileURLToPath(import.meta.url)), '../../server/wasmverse/page');
const BYTES_MAX = 220_000;
/** What Pixi fetches when it starts to draw in a browser. */
const WITH_THE_FIRST_PICTURE = [/^init-.*\.js$/, /^browserAll-.*\.js$/];
/** What browsers fetch as soon as text needs it; the other font is for plans and code. */
const FONTS = [/^jost-.*\.woff2$/];

/** Bytes of a file as the server sends it: compressed where it is. */
function sentBytes(path: string): number {
  return statSync(existsSync(`${path}.br`) ? `${path}.br` : path).size;
}

/** The files that a file of the build imports at once, and they in turn. */
function withImports(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  const text = readFileSync(join(PAGE, 'assets', name), 'utf8');
  for (const [, other] of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g))
    if (other !== undefined) withImports(other, found);
  return found;
}

test('the first load is at most 220 kB', () => {
  const html = readFileSync(join(PAGE, 'index.html'), 'utf8');
  const named = [...html.matchAll(/assets\/([\w.-]+\.(?:js|css))/g)].map(([, name]) => String(name));
  expect(named.length).toBeGreaterThanOrEqual(2);
  const assets = readdirSync(join(PAGE, 'assets'));
  const others = assets.filter((name) =>
    [...WITH_THE_FIRST_PICTURE, ...FONTS].some((each) => each.test(name)),
  );
  expect(others.length).toBe(3);
  const files = new Set(
    [...named, ...others].flatMap((name) => (name.endsWith('.js') ? [...withImports(name)] : [name])),
  );
  const bytes = [...files].map((name) => [name, sentBytes(join(PAGE, 'assets', name))] as const);
  const sum = bytes.reduce((total, [, size]) => total + size, sentBytes(join(PAGE, 'index.html')));
  expect(sum, JSON.stringify(bytes)).toBeLessThanOrEqual(BYTES_MAX);
  // What is loaded later is not among them.
  for (const late of ['share-chart', 'welcome', 'sheet']) expect([...files].join(' ')).not.toContain(late);
  console.info(`first load: ${(sum / 1000).toFixed(1)} kB`);
});
