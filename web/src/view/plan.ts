/** What a ship has decided, as the server's `decode_plan` says it. */
export interface Plan {
  readonly act: 'hold' | 'move' | 'upgrade' | 'invalid';
  /** Of a move, else 0: to the east and to the south, in cells. */
  readonly dx: number;
  readonly dy: number;
  /** In words, for people. */
  readonly words: string;
  /** The ship's memory: its bytes in hexadecimal, in the strategy's order. */
  readonly memory: readonly string[];
}

const WAYS: Readonly<Record<string, readonly [number, number]>> = {
  North: [0, -1],
  East: [1, 0],
  South: [0, 1],
  West: [-1, 0],
};

/** Reads `Move(East, 3) Memory[02, 01, 00, 00, 00, 00, 00]`; null for what is not a plan's text. */
export function readPlan(text: string): Plan | null {
  const match = /^(\w+)\(([^)]*)\)(?: Memory\[([^\]]*)\])?$/.exec(text);
  if (match === null) return null;
  const [, name = '', inside = '', bytes = ''] = match;
  const memory = bytes === '' ? [] : bytes.split(', ');
  const still = { dx: 0, dy: 0, memory };
  if (name === 'Hold') return { ...still, act: 'hold', words: 'Holds its place' };
  if (name === 'Upgrade') return { ...still, act: 'upgrade', words: `Upgrades its ${inside.toLowerCase()}` };
  if (name !== 'Move') return { ...still, act: 'invalid', words: 'No valid plan: it holds' };
  const [way = '', length = ''] = inside.split(', ');
  const [x, y] = WAYS[way] ?? [0, 0];
  const cells = Number(length);
  const unit = cells === 1 ? 'cell' : 'cells';
  return {
    act: 'move',
    dx: x * cells,
    dy: y * cells,
    words: `Moves ${cells} ${unit} ${way.toLowerCase()}`,
    memory,
  };
}
