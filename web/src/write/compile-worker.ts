import './inline-fetch';
import type { Compiled } from './compile';
import type { Spot } from './spots';

/** What the worker is told, as often as one likes: to compile a source, or to say where one of its functions comes from. */
export interface CompileOrder {
  readonly id: number;
  /** What the source is called, and its text. */
  readonly file: string;
  readonly source: string;
  /** The number of a function in the module; null to compile. */
  readonly located: number | null;
}

export interface CompileReport {
  readonly id: number;
  readonly compiled: Compiled | null;
  readonly spot: Spot | null;
}

async function carryOut({ id, file, source, located }: CompileOrder): Promise<CompileReport> {
  // The compiler awaits at its top: a worker that imported it before it listens would miss what it is told meanwhile.
  const [{ compileStrategy, locateFunction }, { FILES }] = await Promise.all([
    import('./compile'),
    import('./sources'),
  ]);
  if (located !== null)
    return { id, compiled: null, spot: await locateFunction(file, source, FILES, located) };
  return { id, compiled: await compileStrategy(file, source, FILES), spot: null };
}

addEventListener('message', ({ data }: MessageEvent<CompileOrder>) => {
  carryOut(data)
    .catch((error: unknown): CompileReport => {
      // A compiler that fails has no place to point at.
      const words = `The compiler failed: ${error instanceof Error ? error.message : String(error)}`;
      return { id: data.id, compiled: { kind: 'refused', problems: [], words }, spot: null };
    })
    .then((report) => postMessage(report));
});
