import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { ModulePlace } from '../../src/source/failure';
import { compileStrategy, locateFunction } from '../../src/write/compile';
import { FILES, libraryNames, STARTS } from '../../src/write/sources';
import { spotOfRefusal } from '../../src/write/spots';

const ASSEMBLYSCRIPT = resolve(import.meta.dirname, '../../../strategies/assemblyscript');
const BUNDLED = resolve(import.meta.dirname, '../../../server/wasmverse/bundled');

test('the page compiles the bundled sources to the same bytes as the build', async () => {
  const bundled = STARTS.map(({ file }) => file).filter((file) => file.startsWith('strategy_'));
  expect(bundled).toHaveLength(4);
  // They assert nothing, and are built without what assertions need.
  const config = readFileSync(resolve(ASSEMBLYSCRIPT, 'asconfig.bundled.json'), 'utf8');
  for (const file of bundled) {
    const compiled = await compileStrategy(file, FILES[file] ?? '', { ...FILES, 'asconfig.json': config });
    if (compiled.kind === 'refused') throw new Error(compiled.words);
    const built = readFileSync(resolve(BUNDLED, file.replace('.ts', '.wasm')));
    expect(Buffer.from(compiled.bytes).equals(built), file).toBe(true);
  }
}, 60_000);

test('a source of its own becomes the same bytes as `npm run build` makes, with the options of the build', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasmverse-'));
  try {
    const file = 'my_strategy.ts';
    const source = (FILES[file] ?? '').replace(
      'export function decide(',
      'export function checked(a: i32): i32 { assert(a > 0, "a ship is there"); return a; }\nexport function decide(',
    );
    const compiled = await compileStrategy(file, source, FILES);
    if (compiled.kind === 'refused') throw new Error(compiled.words);
    for (const [name, text] of Object.entries({ ...FILES, [file]: source })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    for (const name of ['build.mjs', 'producers.mjs', 'package.json'])
      copyFileSync(join(ASSEMBLYSCRIPT, name), join(folder, name));
    symlinkSync(join(ASSEMBLYSCRIPT, 'node_modules'), join(folder, 'node_modules'));
    execFileSync(process.execPath, ['build.mjs', file], {
      cwd: folder,
      stdio: 'pipe',
      env: { ...process.env, INIT_CWD: folder },
    });
    const built = readFileSync(join(folder, 'build', file.replace('.ts', '.wasm')));
    expect(Buffer.from(compiled.bytes).equals(built)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

const CALLS = `import { hold } from './lib/wasmverse';

// trace() and decide, in a comment
@external('env', 'now')
declare function now(): i32;
declare function other(): i32;
@external('later')
declare function third(): i32;

export function decide(a: i32): i64 {
  if (a > 1) trace('Math.random');
  return i64(now() + other() + third()) + i64(hold()) + i64(Math.random());
}

function slow(): void {}
export { slow as cabi_realloc };
`;

test('what the server refuses is found in the source by the names of the module', async () => {
  const compiled = await compileStrategy('mine.ts', CALLS, FILES);
  if (compiled.kind === 'refused') throw new Error(compiled.words);
  const at = (place: ModulePlace | null): string => {
    const { from, to } = spotOfRefusal(place, compiled.declared, CALLS);
    return `${CALLS.slice(0, from).split('\n').length} ${CALLS.slice(from, to)}`;
  };
  const imported = WebAssembly.Module.imports(new WebAssembly.Module(compiled.bytes));
  const places = imported.map(({ module, name }) => at({ kind: 'import', module, name }));
  expect(places.sort()).toEqual(['11 trace', '12 Math.random', '5 now', '6 other', '8 third']);
  expect(at({ kind: 'export', name: 'decide' })).toBe('10 decide');
  expect(at({ kind: 'export', name: 'cabi_realloc' })).toBe('15 slow');
  expect(at({ kind: 'export', name: 'slow' })).toBe('15 slow');
  expect(at({ kind: 'export', name: 'gone' })).toBe("1 import { hold } from './lib/wasmverse';");
  expect(at(null)).toBe("1 import { hold } from './lib/wasmverse';");
}, 60_000);

test('a function is found in the source by its number', async () => {
  const source = `import { nearest } from './lib/wasmverse';
@external('env', 'now')
declare function now(): i32;

export function decide(a: i32): i32 {
  return first(a) + now();
}

function first(a: i32): i32 {
  if (a < 1) return 0;
  return first(a - 1) + now() + first(a - 2);
}
`;
  const lines = [];
  for (let index = 0; index < 4; index += 1) {
    const spot = await locateFunction('mine.ts', source, FILES, index);
    lines.push(spot === null ? null : source.slice(0, spot.from).split('\n').length);
  }
  expect(lines).toEqual([null, 10, 6, null]);
}, 60_000);

test('an error is where it is in the source', async () => {
  const source = (FILES['my_strategy.ts'] ?? '').replace('nearest(NODE,', 'nearst(NODE,');
  const compiled = await compileStrategy('my_strategy.ts', source, FILES);
  expect(compiled.kind).toBe('refused');
  if (compiled.kind === 'module') return;
  const [problem] = compiled.problems;
  expect(problem?.message).toMatch(/nearst/);
  expect(source.slice(problem?.from, problem?.to)).toMatch(/^nearst/);
}, 60_000);

test('an assertion compiles to what says its text and line, and nothing else imports anything', async () => {
  const source = FILES['my_strategy.ts'] ?? '';
  const asserts = source.replace('let direction', 'assert(energy < 150, "too rich");\n  let direction');
  for (const [text, count] of [
    [source, 0],
    [asserts, 1],
  ] as const) {
    const compiled = await compileStrategy('my_strategy.ts', text, FILES);
    if (compiled.kind === 'refused') throw new Error(compiled.words);
    const names = WebAssembly.Module.imports(new WebAssembly.Module(compiled.bytes)).map(({ name }) => name);
    expect(names).toEqual(['fd_write'].slice(0, count));
  }
}, 60_000);

test('what the library offers is read from its text', () => {
  const names = libraryNames(FILES['lib/wasmverse.ts'] ?? '');
  expect(names.find(({ name }) => name === 'moveToward')).toEqual({
    name: 'moveToward',
    signature: '(x: u32, y: u32, toX: u32, toY: u32, memory: u64 = 0): u64',
    words: 'One move toward a cell, the longer way first, never past it; holds in the cell itself.',
  });
  expect(names.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['NODE', 'Entity', 'Part', 'hold', 'nearest']),
  );
});
