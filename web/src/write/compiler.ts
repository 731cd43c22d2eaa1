import type { Compiled } from './compile';
import type { CompileOrder, CompileReport } from './compile-worker';

/** The compiler in a worker of its own: megabytes that are loaded for the first source, and never on the page's thread. */
export class Compiler {
  private worker: Worker | null = null;
  private lastId = 0;
  private readonly waiting = new Map<number, (compiled: Compiled) => void>();

  compile(file: string, source: string): Promise<Compiled> {
    const worker = this.worker ?? this.start();
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      worker.postMessage({ id, file, source } satisfies CompileOrder);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL('./compile-worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data: { id, compiled } }: MessageEvent<CompileReport>) => {
      this.waiting.get(id)?.(compiled);
      this.waiting.delete(id);
    };
    worker.onerror = () => {
      // Not loaded, or ended by the browser: the next source starts another one.
      this.worker = null;
      worker.terminate();
      const words = 'The compiler could not be loaded. Try again when the server is there.';
      for (const resolve of this.waiting.values()) resolve({ kind: 'refused', problems: [], words });
      this.waiting.clear();
    };
    this.worker = worker;
    return worker;
  }
}
