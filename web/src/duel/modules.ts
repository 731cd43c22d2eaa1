import { Unreadable } from '../source/failure';
import { request } from '../source/request';

/** The strategies that come with Wasmverse, and whose modules the server gives out. */
export const BUNDLED = ['strategy_default', 'strategy_flee', 'strategy_battle', 'strategy_blank'] as const;

/** The module of a strategy that comes with Wasmverse. Rejects with a `SourceFailure`. */
export async function bundledModule(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await request(`api/v1/bundled/${name}.wasm`, {});
  return new Uint8Array(await response.arrayBuffer());
}

/** The rules that this server plays by, as a module. Rejects with a `SourceFailure`. */
export async function rulesModule(): Promise<ArrayBuffer> {
  const facts = (await (await request('connect', {})).json()) as { readonly rules?: unknown };
  if (typeof facts.rules !== 'string')
    throw new Unreadable('this server has no module of its rules: it was not built');
  return (await request(`api/v1/rules/${facts.rules}.wasm`, {})).arrayBuffer();
}
