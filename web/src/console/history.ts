import { readArguments } from './statement';

/** One statement that was run, with its arguments as a JSON list. */
export interface Run {
  readonly sql: string;
  readonly args: string;
}

const KEY = 'wasmverse-queries';
export const RUNS_KEPT = 60;
/** Longer statements were made by a program, which has them still. */
const SQL_MAX = 20_000;

/** What was run in this browser, newest first, each statement once. Nobody else sees it, and it is not sent anywhere. */
export class History {
  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'>) {}

  get runs(): readonly Run[] {
    try {
      const kept: unknown = JSON.parse(this.storage.getItem(KEY) ?? '[]');
      return Array.isArray(kept) ? kept.filter(isRun) : [];
    } catch {
      // Written by something else, or storage is denied: as if nothing had been run.
      return [];
    }
  }

  add(run: Run): void {
    if (run.sql.length > SQL_MAX) return;
    const others = this.runs.filter((each) => each.sql !== run.sql || each.args !== run.args);
    this.write([run, ...others].slice(0, RUNS_KEPT));
  }

  clear(): void {
    this.write([]);
  }

  private write(runs: readonly Run[]): void {
    try {
      this.storage.setItem(KEY, JSON.stringify(runs));
    } catch {
      // Full or denied: the console works without.
    }
  }
}

function isRun(value: unknown): value is Run {
  if (typeof value !== 'object' || value === null) return false;
  const { sql, args } = value as Record<string, unknown>;
  return typeof sql === 'string' && typeof args === 'string' && readArguments(args) !== null;
}
