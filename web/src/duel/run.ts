import type { DuelSizes, TurnRecord } from './game';
import type { DuelModule } from './guest';
import type { Order, Report } from './worker';

export interface RunListener {
  onNames(names: readonly string[]): void;
  onTurn(turn: TurnRecord): void;
  /** All turns have been played. */
  onEnd(stateHash: string): void;
  /** It cannot be played, or not to its end; the turns so far stay. */
  onRefused(words: string): void;
}

/**
 * A turn of the page's duel may take so long. In a browser no fuel can be metered, so time is the bound, and a module that
 * never returns is known by it.
 */
export const TURN_SECONDS_MAX = 10;

/** A duel under way in a worker of its own. */
export class DuelRun {
  private readonly worker: Worker;
  private watch: ReturnType<typeof setTimeout> | undefined;
  private flying: string | null = null;

  constructor(
    rules: ArrayBuffer,
    modules: readonly DuelModule[],
    sizes: DuelSizes,
    private readonly listener: RunListener,
  ) {
    this.worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    this.worker.addEventListener('message', ({ data }: MessageEvent<Report>) => this.hear(data));
    this.worker.addEventListener('error', () => this.refuse('The duel cannot be played: its worker ended.'));
    this.wait();
    this.worker.postMessage({ rules, modules, sizes } satisfies Order);
  }

  /** Ends it, wherever it is. */
  stop(): void {
    clearTimeout(this.watch);
    this.worker.terminate();
  }

  private hear(report: Report): void {
    switch (report.kind) {
      case 'names':
        this.listener.onNames(report.names);
        break;
      case 'flight':
        this.flying = report.name;
        break;
      case 'turn':
        this.flying = null;
        this.wait();
        this.listener.onTurn(report.turn);
        break;
      case 'end':
        this.stop();
        this.listener.onEnd(report.stateHash);
        break;
      case 'refused':
        this.refuse(report.words);
    }
  }

  private wait(): void {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => {
      const who = this.flying === null ? 'The duel' : this.flying;
      this.refuse(`${who} took more than ${TURN_SECONDS_MAX} s for a turn: the duel was ended there.`);
    }, TURN_SECONDS_MAX * 1000);
  }

  private refuse(words: string): void {
    this.stop();
    this.listener.onRefused(words);
  }
}
