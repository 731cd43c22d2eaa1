import './inline-fetch';
import type { Compiled } from './compile';

/** What the worker is told, as often as one likes. */
export interface CompileOrder {
  readonly id: number;
  /** What the source is called, and its text. */
  readonly file: string;
  readonly source: string;
}

export interface CompileReport {
  readonly id: number;
  readonly compiled: Compiled;
}

async function compiledFrom(file: string, source: string): Promise<Compiled> {
  // The compiler awaits at its top: a worker that imported it before it listens would miss what it is told meanwhile.
  const [{ compileStrategy }, { FILES }] = await Promise.all([import('./compile'), import('./sources')]);
  return compileStrategy(file, source, FILES);
}

addEventListener('message', ({ data: { id, file, source } }: MessageEvent<CompileOrder>) => {
  compiledFrom(file, source)
    .catch((error: unknown): Compiled => {
      // A compiler that fails has no place to point at.
      const words = `The compiler failed: ${error instanceof Error ? error.message : String(error)}`;
      return { kind: 'refused', problems: [], words };
    })
    .then((compiled) => postMessage({ id, compiled } satisfies CompileReport));
});
