/** A recorded duel is played by the page to the same end, and what it cannot play is refused in words. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Game, type TurnRecord } from '../../src/duel/game';
import { RecordingRefused, readRecording } from '../../src/duel/recording';

const ROOT = resolve(import.meta.dirname, '../../..');
const BUNDLED = resolve(ROOT, 'server/wasmverse/bundled');
const MOST = { seed: Number.MAX_SAFE_INTEGER, turns: 1000, systems: 64, upkeep: 1000 };

let recorded: string;

beforeAll(() => {
  const folder = mkdtempSync(resolve(tmpdir(), 'recording-'));
  const file = resolve(folder, 'duel.jsonl');
  // The same module twice: its two strategies are told apart by their names.
  const twin = resolve(folder, 'a_twin.wasm');
  writeFileSync(twin, readFileSync(resolve(BUNDLED, 'strategy_blank.wasm')));
  const sizes = ['--seed', '5', '--turns', '25', '--systems', '3', '--ships', '20', '--upkeep', '70'];
  const flown = ['flee', 'battle', 'blank', twin];
  execFileSync(resolve(ROOT, '.venv/bin/wasmverse'), ['duel', ...flown, ...sizes, '--save', file]);
  recorded = readFileSync(file, 'utf8');
  rmSync(folder, { recursive: true });
}, 120_000);

test('it ends as it was recorded', async () => {
  const { modules, stateHash, ...sizes } = readRecording(recorded, MOST);
  expect(sizes).toEqual({ seed: 5, systems: 3, ships: 20, nodes: 64, upkeep: 70, turns: 25 });
  const rules = await WebAssembly.compile(readFileSync(resolve(BUNDLED, 'rules.wasm')));
  const game = await Game.open(rules, modules, { ...sizes, nodes: 64 } as Parameters<typeof Game.open>[2]);
  expect(game.names).toEqual(modules.map(({ name }) => name));
  expect(game.names).toHaveLength(4);
  const turns: TurnRecord[] = [];
  for (let turn = 0; turn < 25; turn++) turns.push(game.play());
  expect(await game.stateHash()).toBe(stateHash);
  expect(turns.at(-1)?.tid).toBe(25);
});

const changed = (change: (universe: Record<string, unknown>) => void): string => {
  const [first = '', ...others] = recorded.split('\n');
  const universe = JSON.parse(first) as Record<string, unknown>;
  change(universe);
  return [JSON.stringify(universe), ...others].join('\n');
};

test.each<[string, () => string, RegExp]>([
  ['nothing', () => '', /no recording/],
  ['a module', () => '\0asm', /Line 1 of the recording cannot be read/],
  ['a number', () => '7', /Line 1 of the recording/],
  ['without its beginning', () => recorded.slice(recorded.indexOf('\n') + 1), /no recording/],
  ['without its end', () => recorded.split('\n').slice(0, -3).join('\n'), /cut off/],
  ['a command', () => recorded.replace('{"fact":"stop"', '{"fact":"command"}\n$&'), /gave commands/],
  ['another format', () => changed((universe) => { universe.format = 9; }), /format 9, and this page reads 1 and 2/],
  ['many systems', () => changed((universe) => { universe.systems = 65; }), /systems 65, and the page plays 1 to 64/],
  ['half a ship', () => changed((universe) => { universe.ships = 0.5; }), /ships 0.5/],
  ['nobody', () => changed((universe) => { universe.strategies = []; }), /has 0: run/],
  ['no list', () => changed((universe) => { universe.strategies = {}; }), /has none: run/],
  ['nothing in the list', () => changed((universe) => { universe.strategies = [null]; }), /no name or no module/],
  ['a module that is none', () => changed((universe) => { for (const one of universe.strategies as Record<string, unknown>[]) one.module = '*'; }), /module of strategy_flee .* cannot be read/],
  ['a name', () => changed((universe) => { for (const one of universe.strategies as Record<string, unknown>[]) one.name = '<b>'; }), /no name or no module/],
  ['who stays down', () => changed((universe) => { for (const one of universe.strategies as Record<string, unknown>[]) one.is_enabled = false; }), /strategy_flee did not fly/],
])('refused: %s', (_, make, words) => {
  expect(() => readRecording(make(), MOST)).toThrow(RecordingRefused);
  expect(() => readRecording(make(), MOST)).toThrow(words);
}); // biome-ignore format: a table
