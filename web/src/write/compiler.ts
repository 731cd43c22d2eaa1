import type { Compiled } from './compile';
import type { CompileOrder, CompileReport } from './compile-worker';
import type { Spot } from './spots';

/** The compiler in a worker of its own: megabytes that are loaded for the first source, and never on the page's thread. */
export class Compiler {
  private worker: Worker | null = null;
  private lastId = 0;
  private readonly waiting = new Map<number, (report: CompileReport) => void>();

  async compile(file: string, source: string): Promise<Compiled> {
    const { compiled } = await this.order(file, source, null);
    return compiled ?? { kind: 'refused', problems: [], words: 'The compiler gave no answer. Try again.' };
  }

  /** Where the function of this number comes from in a source that has been compiled; see `locateFunction`. */
  async locate(file: string, source: string, index: number): Promise<Spot | null> {
    return (await this.order(file, source, index)).spot;
  }

  private order(file: string, source: string, located: number | null): Promise<CompileReport> {
    const worker = this.worker ?? this.start();
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      worker.postMessage({ id, file, source, located } satisfies CompileOrder);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL('./compile-worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<CompileReport>) => {
      this.waiting.get(data.id)?.(data);
      this.waiting.delete(data.id);
    };
    worker.onerror = () => {
      // Not loaded, or ended by the browser: the next source starts another one.
      this.worker = null;
      worker.terminate();
      const words = 'The compiler could not be loaded. Try again when the server is there.';
      for (const [id, resolve] of this.waiting)
        resolve({ id, compiled: { kind: 'refused', problems: [], words }, spot: null });
      this.waiting.clear();
    };
    this.worker = worker;
    return worker;
  }
}
