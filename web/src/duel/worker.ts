import { type DuelSizes, Game, type TurnRecord } from './game';
import { type DuelModule, ModuleRefused } from './guest';

/** What the worker is told, once. */
export interface Order {
  readonly rules: ArrayBuffer;
  readonly modules: readonly DuelModule[];
  readonly sizes: DuelSizes;
}

/** What the worker tells. Between two reports it may be in a module's call, which nothing but ending the worker stops. */
export type Report =
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'flight'; readonly name: string }
  | { readonly kind: 'turn'; readonly turn: TurnRecord }
  | { readonly kind: 'end'; readonly stateHash: string }
  | { readonly kind: 'refused'; readonly words: string };

const tell = (report: Report): void => postMessage(report);

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  play(data).catch((error: unknown) => {
    const words =
      error instanceof ModuleRefused ? error.message : `The duel cannot go on: ${(error as Error).message}`;
    tell({ kind: 'refused', words });
  });
});

async function play({ rules, modules, sizes }: Order): Promise<void> {
  const game = await Game.open(await WebAssembly.compile(rules), modules, sizes);
  tell({ kind: 'names', names: game.names });
  tell({ kind: 'turn', turn: game.beginning() });
  for (let turn = 1; turn <= sizes.turns; turn++)
    tell({ kind: 'turn', turn: game.play((name) => tell({ kind: 'flight', name })) });
  tell({ kind: 'end', stateHash: await game.stateHash() });
}
