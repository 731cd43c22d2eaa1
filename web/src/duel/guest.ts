import { contentsOf, isComponent, isWasm } from './binary';

/** A strategy's module, as it came. */
export interface DuelModule {
  /** As at an upload: a lower-case letter, then letters, digits and underscores. */
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The one of its strategies that flies; all of them if it is not said. */
  readonly strategy?: string;
}

/** A module that cannot fly in the page; what is wrong, and what to do. */
export class ModuleRefused extends Error {}

/** What the ships of a strategy are told, a row each, and where its plans go. Views of the rules' memory. */
export interface Rows {
  readonly kind: Uint8Array;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  readonly energy: Uint16Array;
  readonly shield: Uint8Array;
  readonly blasters: Uint8Array;
  readonly thrusters: Uint8Array;
  readonly harvesters: Uint8Array;
  readonly lastPlan: BigUint64Array;
  readonly list: Uint32Array;
  readonly listBytes: Uint32Array;
  readonly plan: BigUint64Array;
  readonly called: Uint8Array;
  readonly memory: Uint8Array;
}

export const FAULTED = 1;
/** Faults of a strategy in a turn before its other ships hold uncalled: the server's `block_faults_max`. */
const FAULTS_MAX = 4;

const DECIDE = 'decide';
const SIGNATURE = `(${Array(8).fill('i32').join(', ')}, i64, i32, i32) -> i64`;
const PAGE_BYTES = 65_536;

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly cabi_realloc?: (old: number, oldBytes: number, align: number, bytes: number) => number;
  readonly canonical_abi_realloc?: Exports['cabi_realloc'];
  readonly _initialize?: () => void;
}
type Decide = (...values: (number | bigint)[]) => bigint;
type Post = (plan: bigint) => void;

/** One export of a module that flies ships. */
export class Guest {
  private constructor(
    readonly name: string,
    private readonly module: WebAssembly.Module,
    private readonly exported: string,
  ) {}

  /** All strategies in a module: `decide` under the module's name, any other export under its own. */
  static async of({ name, bytes, strategy }: DuelModule): Promise<Guest[]> {
    if (isComponent(bytes))
      throw new ModuleRefused(
        `${name} is a component. The duel in the page flies core modules: run \`wasmverse duel\` with it.`,
      );
    if (!isWasm(bytes)) throw new ModuleRefused(`${name} is not WebAssembly: choose a .wasm file.`);
    let module: WebAssembly.Module;
    try {
      module = await WebAssembly.compile(bytes);
    } catch (error) {
      throw new ModuleRefused(`${name} cannot be compiled: ${(error as Error).message}`);
    }
    const { imports, exports } = contentsOf(bytes);
    if (imports.length > 0)
      throw new ModuleRefused(
        `${name} imports ${imports[0]}. The duel in the page flies modules without imports, so none with WASI: run \`wasmverse duel\` with it.`,
      );
    const found = [...exports].filter(([, type]) => type === SIGNATURE).map(([exported]) => exported);
    if (found.length === 0)
      throw new ModuleRefused(
        `${name} exports no strategy: export ${DECIDE} with the signature ${SIGNATURE}${exports.has(DECIDE) ? `; it has ${exports.get(DECIDE)}` : ''}.`,
      );
    if (exports.get('memory') !== 'memory')
      throw new ModuleRefused(
        `${name} exports no memory; what a ship sees is put there: export it as 'memory'.`,
      );
    const guests = found
      .map(
        (exported) => new Guest(exported === DECIDE ? name : exported.replaceAll('-', '_'), module, exported),
      )
      .filter((guest) => strategy === undefined || guest.name === strategy);
    if (guests.length === 0) throw new ModuleRefused(`${name} exports no ${strategy}: choose another file.`);
    return guests;
  }

  /** Decides for the rows of this strategy: a fresh instance a turn, and another after each call that traps. */
  fly(rows: Rows, from: number, to: number): string | null {
    let flight: Flight | null = null;
    let faults = 0;
    let reason: string | null = null;
    for (let row = from; row < to; row++) {
      if (faults >= FAULTS_MAX) {
        rows.called.fill(FAULTED, row, to);
        break;
      }
      try {
        flight ??= new Flight(this.module, this.exported);
        rows.plan[row] = BigInt.asUintN(64, flight.decide(rows, row));
      } catch (error) {
        rows.called[row] = FAULTED;
        reason ??= (error as Error).message;
        faults += 1;
        flight = null;
      }
    }
    return reason;
  }
}

/** An instance in a turn. */
class Flight {
  private readonly exports: Exports;
  private readonly function: Decide;
  private readonly post: Post | undefined;
  /** Of a module without an allocator: where the pages begin that were added to its memory. */
  private added: number | null = null;

  constructor(module: WebAssembly.Module, exported: string) {
    const { exports } = new WebAssembly.Instance(module);
    this.exports = exports as unknown as Exports;
    this.function = exports[exported] as Decide;
    this.post = exports[`cabi_post_${exported}`] as Post | undefined;
    this.exports._initialize?.();
  }

  decide(rows: Rows, row: number): bigint {
    const at = rows.list[row] as number;
    const bytes = rows.listBytes[row] as number;
    const to = this.room(bytes);
    new Uint8Array(this.exports.memory.buffer, to, bytes).set(rows.memory.subarray(at, at + bytes));
    const plan = this.function(
      rows.kind[row] as number,
      rows.x[row] as number,
      rows.y[row] as number,
      rows.energy[row] as number,
      rows.shield[row] as number,
      rows.blasters[row] as number,
      rows.thrusters[row] as number,
      rows.harvesters[row] as number,
      BigInt.asIntN(64, rows.lastPlan[row] as bigint),
      to,
      bytes,
    );
    this.post?.(plan);
    return plan;
  }

  private room(bytes: number): number {
    const { memory, cabi_realloc, canonical_abi_realloc } = this.exports;
    const allocate = cabi_realloc ?? canonical_abi_realloc;
    if (allocate !== undefined) return allocate(0, 0, 1, bytes) >>> 0;
    this.added ??= memory.buffer.byteLength;
    const missing = this.added + bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    return this.added;
  }
}
