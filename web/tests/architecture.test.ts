/** The law of the folders, as README.md states it: what each may import, without a cycle between any two files. */
import { expect, test } from 'vitest';

/** The text of each file, by its path below src. */
const TEXTS = new Map(
  Object.entries(
    import.meta.glob<string>('../src/**/*.ts', { query: '?raw', import: 'default', eager: true }),
  ).map(([path, text]) => [path.replace('../src/', ''), text]),
);
const FILES = [...TEXTS.keys()];

const LAW: Readonly<Record<string, readonly string[]>> = {
  source: [],
  place: [],
  sql: ['source'],
  feed: ['place', 'source', 'sql'],
  view: ['place', 'sql'],
  scene: ['place', 'sql', 'view'],
  panel: ['feed', 'place', 'source', 'sql', 'view'],
  chart: ['view'],
  time: ['feed', 'panel', 'place', 'source', 'sql', 'view'],
  director: ['feed', 'panel', 'place', 'source', 'sql', 'view'],
  welcome: ['feed', 'panel', 'place', 'source', 'sql', 'view'],
  help: ['panel'],
  share: ['feed', 'panel', 'place', 'sound'],
  sound: ['feed', 'place', 'sql'],
  duel: ['place', 'source', 'sql'],
  arena: ['duel', 'panel', 'scene', 'source', 'sql', 'view'],
  editor: [],
  write: ['editor', 'panel', 'source', 'sql'],
  console: ['feed', 'panel', 'place', 'source', 'sql', 'view'],
  sheet: [
    'arena',
    'console',
    'duel',
    'editor',
    'feed',
    'help',
    'panel',
    'place',
    'source',
    'sql',
    'view',
    'write',
  ],
};

/** What a file imports of the page's own, styles and what is not the page's apart: with `import ... from` or, when `isLazy`, with `import(...)`. */
function importsOf(file: string, isLazy: boolean): string[] {
  const pattern = isLazy ? /import\('(\.[^']+)'\)/g : /(?:from|import) '(\.[^']+)'/g;
  return [...(TEXTS.get(file) ?? '').matchAll(pattern)]
    .filter(([, path]) => !/\.(?:css|mjs)$/.test(path ?? ''))
    .map(([, path]) => new URL(`${path}.ts`, `http://src/${file}`).pathname.slice(1));
}

const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '');

test('every folder has its law, and every folder of the law is there', () => {
  expect(new Set(FILES.map(folderOf))).toEqual(new Set(['', ...Object.keys(LAW)]));
});

test('files import only what their folder may', () => {
  const breaches = FILES.filter((file) => folderOf(file) !== '').flatMap((file) =>
    importsOf(file, false)
      .map(folderOf)
      .filter((folder) => folder !== folderOf(file) && !LAW[folderOf(file)]?.includes(folder))
      .map((folder) => `${file} imports ${folder === '' ? 'the root' : folder}`),
  );
  expect(breaches).toEqual([]);
});

/** Folders and files that are no part of the first load, and who loads them when they are needed. */
const LAZY: Readonly<Record<string, string>> = {
  sheet: 'panel/sheets.ts',
  'share/box.ts': 'share/share.ts',
  sound: 'share/share.ts',
  chart: 'panel/standings.ts',
  'welcome/welcome.ts': 'panel/first-visit.ts',
  'time/time-line.ts': 'main.ts',
  'director/begin.ts': 'director/watch.ts',
  'director/news.ts': 'main.ts',
  'panel/hour.ts': 'panel/entity-panel.ts',
  'write/compile.ts': 'write/compile-worker.ts',
  'write/sources.ts': 'write/compile-worker.ts',
};

test('sheets, charts and the tour are loaded when they are opened, and by their panel alone', () => {
  const lazy = FILES.flatMap((file) => importsOf(file, true).map((path) => [path, file] as const));
  for (const [path, file] of lazy) expect(file, path).toBe(LAZY[path] ?? LAZY[folderOf(path)]);
  const loaded = new Set(lazy.map(([path]) => path));
  for (const place of Object.keys(LAZY)) {
    const entered = FILES.filter((file) => [file, folderOf(file)].includes(place) && loaded.has(file));
    expect(entered, place).toEqual(FILES.filter((file) => [file, folderOf(file)].includes(place)));
  }
});

test('no two files import each other, not even by way of others', () => {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    expect(way, 'a cycle').not.toContain(file);
    if (done.has(file)) return;
    for (const next of [...importsOf(file, false), ...importsOf(file, true)]) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of FILES) visit(file, []);
});
