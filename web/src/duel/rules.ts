/** The rules as the server's module (docs/abi.md, "The rules as a module"): nothing of them is written here. */

/** The words of a duel's header, in order. */
const HEADER = [
  'seed', 'tid', 'next_eid', 'systems', 'ships_min', 'nodes_min', 'strategies', 'ships', 'nodes', 'events',
  'ships_room', 'nodes_room', 'entities_room', 'scratch',
  'ship_sid', 'ship_eid', 'ship_strategy', 'ship_x', 'ship_y', 'ship_shield', 'ship_blasters', 'ship_thrusters',
  'ship_harvesters', 'ship_energy', 'ship_last_plan',
  'node_sid', 'node_eid', 'node_x', 'node_y', 'node_energy',
  'row_kind', 'row_x', 'row_y', 'row_energy', 'row_shield', 'row_blasters', 'row_thrusters', 'row_harvesters',
  'row_last_plan', 'row_list', 'row_list_bytes', 'row_plan', 'row_called',
  'row_of_ship', 'row_starts', 'lists', 'order', 'is_dealt', 'tally', 'event',
  'upkeep',
] as const; // biome-ignore format: a table
type Word = (typeof HEADER)[number];

export interface Sizes {
  readonly seed: bigint;
  readonly systems: number;
  /** The least that a system has. */
  readonly ships: number;
  readonly nodes: number;
  readonly upkeep: number;
  readonly strategies: number;
  readonly turns: number;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  begin(...sizes: bigint[]): bigint;
  populate(duel: bigint): void;
  observe(duel: bigint): bigint;
  resolve(duel: bigint): void;
}

interface ViewType<View> {
  new (buffer: ArrayBufferLike, at: number, length: number): View;
}

/** One duel in an instance of the module. Views of its memory hold until the next call. */
export class Rules {
  private readonly exports: Exports;
  private readonly duel: bigint;

  constructor(
    module: WebAssembly.Module,
    readonly sizes: Sizes,
  ) {
    this.exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    const { seed, systems, ships, nodes, upkeep, strategies, turns } = sizes;
    this.duel = this.exports.begin(
      BigInt.asIntN(64, seed),
      ...[systems, ships, nodes, strategies, turns].map(BigInt),
    );
    this.header[HEADER.indexOf('upkeep')] = BigInt(upkeep);
  }

  /** `order`: the strategies by name. */
  populate(order: readonly number[]): void {
    this.view('order', BigInt64Array, order.length).set(order.map(BigInt));
    this.exports.populate(this.duel);
  }

  observe(): void {
    this.exports.observe(this.duel);
  }

  resolve(): void {
    this.exports.resolve(this.duel);
  }

  word(name: Word): number {
    return Number(this.header[HEADER.indexOf(name)]);
  }

  private get header(): BigInt64Array {
    return new BigInt64Array(this.memory, Number(this.duel), HEADER.length);
  }

  view<View>(name: Word, type: ViewType<View>, length: number): View {
    return new type(this.memory, this.word(name), length);
  }

  get memory(): ArrayBuffer {
    return this.exports.memory.buffer as ArrayBuffer;
  }
}
