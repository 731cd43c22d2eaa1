/** The page's duel and the server's: the same modules, seed and turns end in the same bytes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, resolve } from 'node:path';
import binaryen from 'binaryen';
import { beforeAll, expect, test } from 'vitest';
import { Game, TALLY, type TurnRecord, totals } from '../../src/duel/game';

const ROOT = resolve(import.meta.dirname, '../../..');
const BUNDLED = resolve(ROOT, 'server/wasmverse/bundled');

interface Account {
  readonly state_hash: string;
  readonly strategies: readonly Record<string, number | string>[];
}

function serverDuel(files: readonly string[], sizes: Record<string, number>): Account {
  const options = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const said = execFileSync(resolve(ROOT, '.venv/bin/wasmverse'), ['duel', ...files, ...options, '--json'], {
    encoding: 'utf8',
  });
  return JSON.parse(said) as Account;
}

let rules: WebAssembly.Module;

beforeAll(async () => {
  rules = await WebAssembly.compile(readFileSync(resolve(BUNDLED, 'rules.wasm')));
});

/** Traps in the cell where x and y have the same lowest bits; else goes by all that it was told. Has no allocator. */
const NERVOUS = `(module (memory (export "memory") 1)
  (func (export "decide") (param $kind i32) (param $x i32) (param $y i32) (param $energy i32) (param $shield i32)
    (param $blasters i32) (param $thrusters i32) (param $harvesters i32) (param $last i64) (param $list i32) (param $bytes i32)
    (result i64) (local $sum i32)
    (if (i32.eqz (i32.and (i32.xor (local.get $x) (local.get $y)) (i32.const 15))) (then (unreachable)))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $bytes)))
      (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31))
        (i32.load8_u (i32.add (local.get $list) (local.get $bytes)))))
      (br $next)))
    (i64.add (i64.shl (local.get $last) (i64.const 8))
      (i64.extend_i32_u (i32.or (i32.const 0x42) (i32.and (local.get $sum) (i32.const 0x30)))))))`;
/** Every call is a fault: it is grounded after some turns. */
const BROKEN = NERVOUS.replace('(i32.const 15)', '(i32.const 0)');

function write(name: string, text: string): string {
  const file = resolve(folder, `${name}.wasm`);
  const module = binaryen.parseText(text);
  writeFileSync(file, module.emitBinary());
  module.dispose();
  return file;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(resolve(tmpdir(), 'duel-'));
  return () => rmSync(folder, { recursive: true });
});

const bundled = (name: string): string => resolve(BUNDLED, `${name}.wasm`);

test.each([
  [
    () => [bundled('strategy_battle'), bundled('strategy_flee')],
    { seed: 1, systems: 12, ships: 32, nodes: 64, upkeep: 0, turns: 150 },
  ],
  [
    () => ['strategy_flee', 'strategy_default', 'strategy_battle', 'strategy_blank'].map(bundled),
    { seed: 77, systems: 3, ships: 60, nodes: 20, upkeep: 70, turns: 200 },
  ],
  [
    () => [write('nervous', NERVOUS), bundled('strategy_battle'), write('broken', BROKEN)],
    { seed: 2 ** 40 + 3, systems: 2, ships: 50, nodes: 0, upkeep: 40, turns: 60 },
  ],
] as const)(
  'a duel in the page and one of the server, %#',
  async (make, sizes) => {
    const files = make();
    const modules = files.map((file) => ({
      name: basename(file, '.wasm'),
      bytes: new Uint8Array(readFileSync(file)),
    }));
    const game = await Game.open(rules, modules, sizes);
    const turns: TurnRecord[] = [];
    for (let turn = 0; turn < sizes.turns; turn++) turns.push(game.play());
    const account = serverDuel(files, sizes);
    expect(await game.stateHash()).toBe(account.state_hash);
    const own = totals(turns).map((tally, slot) => ({
      name: game.names[slot],
      ...tally,
      status: turns.at(-1)?.isGrounded[slot] === true ? 'grounded' : 'flying',
    }));
    const theirs = account.strategies.map((row) =>
      Object.fromEntries(['name', ...TALLY, 'status'].map((name) => [name, row[name]])),
    );
    const byName = (rows: typeof own | typeof theirs): unknown =>
      [...rows].sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
    expect(byName(own)).toEqual(byName(theirs));
  },
  240_000,
);
