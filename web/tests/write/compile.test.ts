import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { compileStrategy } from '../../src/write/compile';
import { FILES, libraryNames, STARTS } from '../../src/write/sources';

const BUNDLED = resolve(import.meta.dirname, '../../../server/wasmverse/bundled');

test('the page compiles the bundled sources to the same bytes as the build', async () => {
  const bundled = STARTS.map(({ file }) => file).filter((file) => file.startsWith('strategy_'));
  expect(bundled).toHaveLength(4);
  for (const file of bundled) {
    const compiled = await compileStrategy(file, FILES[file] ?? '', FILES);
    if (compiled.kind === 'refused') throw new Error(compiled.words);
    const built = readFileSync(resolve(BUNDLED, file.replace('.ts', '.wasm')));
    expect(Buffer.from(compiled.bytes).equals(built), file).toBe(true);
  }
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
