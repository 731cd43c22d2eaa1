import { main as compile, version } from 'assemblyscript/asc';
import { producersSection } from '../../../strategies/assemblyscript/producers.mjs';
import type { Problem } from '../editor/problem';

/** A source, compiled: its module, or what is wrong with it. */
export type Compiled =
  | { readonly kind: 'module'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[]; readonly words: string };

const MODULE = 'module.wasm';

/**
 * Compiles as `make setup` does the bundled strategies: by the same compiler, options and library, to the same bytes. `file`
 * is what the source is called; the order of functions in a module may depend on it.
 */
export async function compileStrategy(
  file: string,
  source: string,
  files: Readonly<Record<string, string>>,
): Promise<Compiled> {
  const problems: Problem[] = [];
  let module: Uint8Array<ArrayBuffer> | null = null;
  let said = '';
  const result = await compile([file, '--outFile', MODULE, '--config', 'asconfig.json', '--baseDir', '.'], {
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
    },
    reportDiagnostic: ({ category, message, range }) => {
      const isHere = range?.source?.normalizedPath === file;
      // The compiler's categories: 3 is an error.
      if (category === 3)
        problems.push({ message, from: isHere ? range.start : 0, to: isHere ? range.end : 0 });
    },
  });
  if (result.error !== null || module === null) {
    const words = problems[0]?.message ?? (said.trim() || String(result.error?.message));
    return { kind: 'refused', problems, words };
  }
  return { kind: 'module', bytes: joined(module, producersSection(version)) };
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
