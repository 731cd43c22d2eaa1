import { NAME } from '../source/upload';
import { type DuelOrder, MODULES_MAX } from './desk';
import type { DuelModule } from './guest';

/** A recording that the page cannot play: what of it, and what to do. */
export class RecordingRefused extends Error {}

/** A duel as it was recorded, with the state in which it ended. */
export interface RecordedDuel extends DuelOrder {
  readonly stateHash: string;
}

/** More characters would not fit into the page's memory beside the turns. */
export const RECORDING_CHARACTERS_MAX = 64 << 20;

const FORMATS = [1, 2];

type Fact = Readonly<Record<string, unknown>>;

/**
 * Reads what `wasmverse duel --save` wrote (docs/replay.md). The checks over its lines are not looked at: the state in which the
 * duel ends here is compared with the recorded one.
 *
 * Throws `RecordingRefused`.
 */
export function readRecording(text: string, most: Readonly<Record<string, number>>): RecordedDuel {
  const lines = text.split('\n').filter((line) => line !== '');
  const facts = lines.map(factOf);
  const [universe] = facts;
  if (universe?.fact !== 'universe')
    throw new RecordingRefused('This is no recording: choose a file that `wasmverse duel --save` wrote.');
  if (!FORMATS.includes(universe.format as number))
    throw new RecordingRefused(
      `The recording has format ${String(universe.format)}, and this page reads ${FORMATS.join(' and ')}: run \`wasmverse replay\` of the version that wrote it.`,
    );
  if (facts.some(({ fact }) => fact === 'command'))
    throw new RecordingRefused(
      'Somebody gave commands in this recording, and the page plays duels alone: run `wasmverse replay`.',
    );
  const end = facts.findLast(({ fact }) => fact === 'turn' || fact === 'stop');
  if (typeof end?.state !== 'string')
    throw new RecordingRefused(
      'The recording does not say in which state it ended, so it was cut off: record the duel again.',
    );
  const number = (of: string, value: unknown, least = 0): number => {
    const max = most[of] ?? 255;
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > max)
      throw new RecordingRefused(
        `The recording has ${of} ${String(value)}, and the page plays ${least} to ${max}: run \`wasmverse replay\`.`,
      );
    return value as number;
  };
  return {
    seed: number('seed', universe.seed),
    systems: number('systems', universe.systems, 1),
    ships: number('ships', universe.ships),
    nodes: number('nodes', universe.nodes),
    upkeep: number('upkeep', universe.upkeep ?? 0),
    turns: number('turns', end.tid, 1),
    modules: modulesOf(universe.strategies),
    stateHash: end.state,
  };
}

function factOf(line: string, at: number): Fact {
  try {
    const fact: unknown = JSON.parse(line);
    if (typeof fact === 'object' && fact !== null) return fact as Fact;
  } catch {
    // Said below.
  }
  throw new RecordingRefused(`Line ${at + 1} of the recording cannot be read: choose another file.`);
}

/** In the order of the recording, by which strategies are numbered. */
function modulesOf(strategies: unknown): DuelModule[] {
  if (!Array.isArray(strategies) || strategies.length === 0 || strategies.length > MODULES_MAX)
    throw new RecordingRefused(
      `The page plays 1 to ${MODULES_MAX} strategies, and the recording has ${Array.isArray(strategies) ? strategies.length : 'none'}: run \`wasmverse replay\`.`,
    );
  return strategies.map((founder: Fact | null) => {
    const { name, module, is_enabled } = founder ?? {};
    if (typeof name !== 'string' || !NAME.test(name) || typeof module !== 'string')
      throw new RecordingRefused(
        'A strategy of the recording has no name or no module: choose another file.',
      );
    if (is_enabled !== true)
      throw new RecordingRefused(
        `${name} did not fly in this recording, and in the page all do: run \`wasmverse replay\`.`,
      );
    try {
      return { name, strategy: name, bytes: Uint8Array.from(atob(module), (char) => char.charCodeAt(0)) };
    } catch {
      throw new RecordingRefused(
        `The module of ${name} in the recording cannot be read: choose another file.`,
      );
    }
  });
}
