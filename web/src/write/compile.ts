import { main as compile, version } from 'assemblyscript/asc';
import { producersSection } from '../../../strategies/assemblyscript/producers.mjs';
import type { Problem } from '../editor/problem';
import { spotOfFunction } from './source-map';
import { type Declared, declaredIn, type Program, type Spot } from './spots';

/** A source, compiled: its module and what it declares, or what is wrong with it. */
export type Compiled =
  | { readonly kind: 'module'; readonly bytes: Uint8Array<ArrayBuffer>; readonly declared: Declared }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[]; readonly words: string };

type Transform = NonNullable<NonNullable<Parameters<typeof compile>[1]>['transforms']>[number];
type Files = Readonly<Record<string, string>>;

const MODULE = 'module.wasm';

/**
 * Compiles as `npm run build` in strategies/assemblyscript does: by the same compiler, options and library, to the same bytes. `file`
 * is what the source is called; the order of functions in a module may depend on it.
 */
export async function compileStrategy(file: string, source: string, files: Files): Promise<Compiled> {
  const { module, problems, words, declared } = await run(file, source, files, []);
  if (module === null || declared === null) return { kind: 'refused', problems, words };
  return { kind: 'module', bytes: joined(module, producersSection(version)), declared };
}

/** Where in a source the function of this number comes from; imported ones count first. Null if it is not the source's own. */
export async function locateFunction(
  file: string,
  source: string,
  files: Files,
  index: number,
): Promise<Spot | null> {
  const { module, map } = await run(file, source, files, ['--sourceMap']);
  return module === null || map === null ? null : spotOfFunction(module, map, index, file, source);
}

interface Output {
  readonly module: Uint8Array<ArrayBuffer> | null;
  readonly map: string | null;
  readonly declared: Declared | null;
  readonly problems: readonly Problem[];
  /** What is wrong, in the compiler's words. */
  readonly words: string;
}

async function run(file: string, source: string, files: Files, options: readonly string[]): Promise<Output> {
  const problems: Problem[] = [];
  let module: Uint8Array<ArrayBuffer> | null = null;
  let map: string | null = null;
  let declared: Declared | null = null;
  let said = '';
  // Of a transform the compiler calls what there is; its type asks for the fields that it sets by itself, too.
  const reader = {
    afterInitialize: (program: unknown) => {
      declared = declaredIn(program as Program, file);
    },
  } as unknown as Transform;
  const flags = ['--outFile', MODULE, '--config', 'asconfig.json', '--baseDir', '.', ...options];
  const result = await compile([file, ...flags], {
    transforms: [reader],
    stdout: { write: () => true },
    stderr: {
      write: (text) => {
        said += String(text);
        return true;
      },
    },
    readFile: (name) => (name === file ? source : (files[name.replace(/^\.\//, '')] ?? null)),
    listFiles: () => [],
    writeFile: (name, contents) => {
      if (name === MODULE && contents instanceof Uint8Array) module = new Uint8Array(contents);
      if (name === `${MODULE}.map`) map = String(contents);
    },
    reportDiagnostic: ({ category, message, range }) => {
      const isHere = range?.source?.normalizedPath === file;
      // The compiler's categories: 3 is an error.
      if (category === 3)
        problems.push({ message, from: isHere ? range.start : 0, to: isHere ? range.end : 0 });
    },
  });
  const words = problems[0]?.message ?? (said.trim() || String(result.error?.message));
  return { module: result.error === null ? module : null, map, declared, problems, words };
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
