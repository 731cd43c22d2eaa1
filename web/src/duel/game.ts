import { type DuelModule, FAULTED, Guest, ModuleRefused, type Rows } from './guest';
import { Rules } from './rules';

export interface DuelSizes {
  readonly seed: number;
  readonly systems: number;
  readonly ships: number;
  readonly nodes: number;
  /** What 100 parts cost a turn. */
  readonly upkeep: number;
  readonly turns: number;
}

/** What a strategy did: columns of the server's tally. Ships and energy are at the end, the others are added up. */
export const TALLY = [
  'ships',
  'energy',
  'kills',
  'deaths',
  'spawned',
  'harvested',
  'upgrades',
  'faults',
] as const;
export type Tally = Record<(typeof TALLY)[number], number>;
const SUMMED = TALLY.slice(2);

/** The state at the end of a turn, and what happened in it, as columns: a duel has hundreds of turns. */
export interface TurnRecord {
  readonly tid: number;
  readonly ships: {
    readonly sid: Uint32Array;
    readonly eid: Uint32Array;
    /** Strategies are numbered from 0. */
    readonly slot: Uint8Array;
    readonly x: Uint8Array;
    readonly y: Uint8Array;
    readonly shield: Uint8Array;
    readonly blasters: Uint8Array;
    readonly thrusters: Uint8Array;
    readonly harvesters: Uint8Array;
    readonly energy: Uint16Array;
    readonly lastPlan: BigUint64Array;
  };
  readonly nodes: {
    readonly sid: Uint32Array;
    readonly eid: Uint32Array;
    readonly x: Uint8Array;
    readonly y: Uint8Array;
    readonly energy: Uint16Array;
  };
  /** sid, eid, kind (of `EVENTS`), x, y, slot and by slot (-1 nobody) of each. */
  readonly events: Int32Array;
  /** Of the turn, by slot; `totals` adds up. */
  readonly tally: readonly Tally[];
  /** By slot: why the first call that faulted did. */
  readonly faults: readonly (string | null)[];
  readonly isGrounded: readonly boolean[];
}

export const EVENTS = ['spawn', 'battle', 'death', 'starve'] as const;
export const EVENT_FIELDS = 7;
const EVENT_BYTES = 24;

/** Turns in a row in which most calls of a strategy fault, until it is grounded: the server's `grounded_after_turns`. */
const GROUNDED_AFTER_TURNS = 10;

/** A duel, turn by turn: the server's rules and the strategies' modules. The same arguments give the same bytes. */
export class Game {
  private readonly rules: Rules;
  private readonly badTurns: number[];
  private readonly isGrounded: boolean[];

  private constructor(
    module: WebAssembly.Module,
    private readonly guests: readonly Guest[],
    sizes: DuelSizes,
  ) {
    this.rules = new Rules(module, { ...sizes, seed: BigInt(sizes.seed), strategies: guests.length });
    const names = guests.map(({ name }) => name);
    this.rules.populate([...names.keys()].sort((a, b) => ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1)));
    this.badTurns = names.map(() => 0);
    this.isGrounded = names.map(() => false);
  }

  /** Throws `ModuleRefused` when a module cannot fly here. */
  static async open(
    rules: WebAssembly.Module,
    modules: readonly DuelModule[],
    sizes: DuelSizes,
  ): Promise<Game> {
    const guests: Guest[] = [];
    for (const module of modules)
      for (const guest of await Guest.of(module)) {
        if (guests.some(({ name }) => name === guest.name))
          throw new ModuleRefused(`Two strategies are called ${guest.name}: rename one.`);
        guests.push(guest);
      }
    return new Game(rules, guests, sizes);
  }

  get names(): readonly string[] {
    return this.guests.map(({ name }) => name);
  }

  /** Plays one turn. `onFlight` is told whose module is about to be called, which may never return. */
  play(onFlight: (name: string) => void = () => {}): TurnRecord {
    this.rules.observe();
    const faults = this.decide(onFlight);
    this.rules.resolve();
    const tally = this.tally();
    this.judge(tally);
    return { ...this.state(), tally, faults, isGrounded: [...this.isGrounded] };
  }

  /** The state at turn 0. */
  beginning(): TurnRecord {
    const tally = this.tally();
    const { ships } = this.state();
    for (const slot of ships.slot) {
      const own = tally[slot];
      if (own !== undefined) own.ships += 1;
    }
    ships.energy.forEach((energy, at) => {
      const own = tally[ships.slot[at] ?? 0];
      if (own !== undefined) own.energy += energy;
    });
    return { ...this.state(), tally, faults: this.names.map(() => null), isGrounded: [...this.isGrounded] };
  }

  /** SHA-256 of the state in the server's canonical form, as `wasmverse duel` prints it. */
  async stateHash(): Promise<string> {
    const { rules } = this;
    const columns: (readonly [Parameters<Rules['word']>[0], number, 'ships' | 'nodes'])[] = [
      ['ship_sid', 4, 'ships'], ['ship_eid', 8, 'ships'], ['ship_strategy', 2, 'ships'], ['ship_x', 1, 'ships'],
      ['ship_y', 1, 'ships'], ['ship_shield', 1, 'ships'], ['ship_blasters', 1, 'ships'],
      ['ship_thrusters', 1, 'ships'], ['ship_harvesters', 1, 'ships'], ['ship_energy', 2, 'ships'],
      ['ship_last_plan', 8, 'ships'],
      ['node_sid', 4, 'nodes'], ['node_eid', 8, 'nodes'], ['node_x', 1, 'nodes'], ['node_y', 1, 'nodes'],
      ['node_energy', 2, 'nodes'],
    ]; // biome-ignore format: a table
    const parts = columns.map(([name, bytes, of]) => rules.view(name, Uint8Array, bytes * rules.word(of)));
    const numbers = new BigInt64Array([BigInt(rules.word('tid')), BigInt(rules.word('next_eid'))]);
    const whole = await new Blob([...parts, numbers] as BlobPart[]).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
    return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  private decide(onFlight: (name: string) => void): (string | null)[] {
    const { rules } = this;
    const ships = rules.word('ships');
    const starts = rules.view('row_starts', BigInt64Array, this.guests.length + 1);
    const rows: Rows = {
      kind: rules.view('row_kind', Uint8Array, ships),
      x: rules.view('row_x', Uint8Array, ships),
      y: rules.view('row_y', Uint8Array, ships),
      energy: rules.view('row_energy', Uint16Array, ships),
      shield: rules.view('row_shield', Uint8Array, ships),
      blasters: rules.view('row_blasters', Uint8Array, ships),
      thrusters: rules.view('row_thrusters', Uint8Array, ships),
      harvesters: rules.view('row_harvesters', Uint8Array, ships),
      lastPlan: rules.view('row_last_plan', BigUint64Array, ships),
      list: rules.view('row_list', Uint32Array, ships),
      listBytes: rules.view('row_list_bytes', Uint32Array, ships),
      plan: rules.view('row_plan', BigUint64Array, ships),
      called: rules.view('row_called', Uint8Array, ships),
      memory: new Uint8Array(rules.memory),
    };
    return this.guests.map((guest, slot) => {
      const from = Number(starts[slot]);
      const to = Number(starts[slot + 1]);
      if (from === to) return null;
      if (this.isGrounded[slot]) {
        rows.called.fill(FAULTED, from, to);
        return null;
      }
      onFlight(guest.name);
      return guest.fly(rows, from, to);
    });
  }

  private tally(): Tally[] {
    const length = TALLY.length;
    const values = this.rules.view('tally', BigInt64Array, length * this.guests.length);
    return this.guests.map(
      (_, slot) =>
        Object.fromEntries(TALLY.map((name, at) => [name, Number(values[slot * length + at])])) as Tally,
    );
  }

  /** Grounds who faulted on most calls for so many turns in a row: its ships hold, and it gets no new ones. */
  private judge(tally: readonly Tally[]): void {
    tally.forEach(({ ships, spawned, deaths, faults }, slot) => {
      if (this.isGrounded[slot]) return;
      const calls = ships - spawned + deaths;
      const bad = 2 * faults > calls && calls > 0 ? (this.badTurns[slot] ?? 0) + 1 : 0;
      this.badTurns[slot] = bad;
      if (bad < GROUNDED_AFTER_TURNS) return;
      this.isGrounded[slot] = true;
      this.rules.view('is_dealt', Uint8Array, this.guests.length)[slot] = 0;
    });
  }

  private state(): Pick<TurnRecord, 'tid' | 'ships' | 'nodes' | 'events'> {
    const { rules } = this;
    const ships = rules.word('ships');
    const nodes = rules.word('nodes');
    const bytes = (name: Parameters<Rules['word']>[0], count: number): Uint8Array =>
      rules.view(name, Uint8Array, count).slice();
    return {
      tid: rules.word('tid'),
      ships: {
        sid: rules.view('ship_sid', Uint32Array, ships).slice(),
        eid: Uint32Array.from(rules.view('ship_eid', BigInt64Array, ships), Number),
        slot: Uint8Array.from(rules.view('ship_strategy', Uint16Array, ships), (id) => id - 1),
        x: bytes('ship_x', ships),
        y: bytes('ship_y', ships),
        shield: bytes('ship_shield', ships),
        blasters: bytes('ship_blasters', ships),
        thrusters: bytes('ship_thrusters', ships),
        harvesters: bytes('ship_harvesters', ships),
        energy: rules.view('ship_energy', Uint16Array, ships).slice(),
        lastPlan: rules.view('ship_last_plan', BigUint64Array, ships).slice(),
      },
      nodes: {
        sid: rules.view('node_sid', Uint32Array, nodes).slice(),
        eid: Uint32Array.from(rules.view('node_eid', BigInt64Array, nodes), Number),
        x: bytes('node_x', nodes),
        y: bytes('node_y', nodes),
        energy: rules.view('node_energy', Uint16Array, nodes).slice(),
      },
      events: this.events(),
    };
  }

  private events(): Int32Array {
    const count = this.rules.word('events');
    const data = new DataView(this.rules.memory, this.rules.word('event'), count * EVENT_BYTES);
    const told = new Int32Array(count * EVENT_FIELDS);
    for (let at = 0; at < count; at++) {
      const from = at * EVENT_BYTES;
      told.set(
        [
          data.getInt32(from + 8, true),
          Number(data.getBigInt64(from, true)),
          ...[12, 14, 16, 18, 20].map((offset) => data.getInt16(from + offset, true)),
        ],
        at * EVENT_FIELDS,
      );
    }
    return told;
  }
}

/** What each strategy did over some turns: the last turn's ships and energy, and the sums of all else. */
export function totals(turns: readonly TurnRecord[]): Tally[] {
  const last = turns.at(-1)?.tally ?? [];
  return last.map((end, slot) => {
    const sum = { ...end };
    for (const name of SUMMED)
      sum[name] = turns.reduce((total, { tally }) => total + (tally[slot]?.[name] ?? 0), 0);
    return sum;
  });
}
