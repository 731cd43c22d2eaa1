import './inline-fetch';
import { type Compiled, compileStrategy } from './compile';
import { FILES } from './sources';

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

addEventListener('message', ({ data: { id, file, source } }: MessageEvent<CompileOrder>) => {
  compileStrategy(file, source, FILES)
    .catch((error: unknown): Compiled => {
      // A compiler that fails has no place to point at.
      const words = `The compiler failed: ${error instanceof Error ? error.message : String(error)}`;
      return { kind: 'refused', problems: [], words };
    })
    .then((compiled) => postMessage({ id, compiled } satisfies CompileReport));
});
