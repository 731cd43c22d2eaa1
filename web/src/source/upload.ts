import { Unreachable, Unreadable } from './failure';
import { request } from './request';

/** What the server found in a module that it would take. */
export interface Tried {
  readonly name: string;
  readonly version: number;
  /** Calls of its trial, and of them those that returned each command. */
  readonly calls: number;
  readonly plans: Readonly<Record<string, number>>;
  /** Of a call: on average, and at most. */
  readonly fuel: number;
  readonly fuelMost: number;
  /** What is wrong with it and yet no reason to refuse it; empty if nothing is. */
  readonly warnings: readonly string[];
}

/** Uploads a strategy: with its check the one request of the page that is not SQL. Rejects with a `SourceFailure`. */
export async function uploadStrategy(name: string, module: Blob): Promise<void> {
  await send(encodeURIComponent(name), 'PUT', module);
}

/** Has the server check a strategy as an upload is, and try it; nothing is changed. Rejects with a `SourceFailure`. */
export async function checkStrategy(name: string, module: Blob): Promise<Tried[]> {
  const response = await send(`${encodeURIComponent(name)}/check`, 'POST', module);
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    if (error instanceof SyntaxError) throw new Unreadable(`the answer is not JSON: ${error.message}`);
    throw new Unreachable('the answer broke off');
  }
  const { strategies } = (body ?? {}) as { strategies?: unknown };
  if (!Array.isArray(strategies)) throw new Unreadable('the answer has no strategies');
  return strategies.map(({ name: flown, version, trial }) => ({
    name: String(flown),
    version: Number(version),
    calls: Number(trial?.calls),
    plans: trial?.plans ?? {},
    fuel: Number(trial?.fuel_mean),
    fuelMost: Number(trial?.fuel_most),
    warnings: Array.isArray(trial?.warnings) ? trial.warnings.map(String) : [],
  }));
}

function send(path: string, method: string, module: Blob): Promise<Response> {
  return request(`api/v1/strategies/${path}`, {
    method,
    headers: { 'Content-Type': 'application/wasm' },
    body: module,
  });
}

/** What a strategy may be called, as the server has it. */
export const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** A name SQL can call: the file's name without its ending, all else turned to underscores. */
export function nameFrom(file: string): string {
  const name = file
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^\d/.test(name) ? `strategy_${name}` : name;
}
