import type { After } from '../feed/supply';

/** The page as the browser has it, and as the server has it now. */
export interface Loaded {
  /** What it was loaded as: the name of its script changes with any change of what it is made of. */
  readonly script: string;
  /** The same of the page that the server gives out now; null when it gives none. */
  readonly ask: () => Promise<string | null>;
  /** Since it was loaded. */
  readonly ageMs: () => number;
  readonly load: () => void;
}

const LOOK_MS = 60_000;
/** A new page waits for a moment between two visits of the tour, but no longer than this. */
const PATIENCE_MS = 120_000;
/** Without turns for so long, a fresh page may find what this one does not. */
const STUCK_MS = 600_000;
const RETRY_MS = 5_000;
/** What is lost again so soon would be lost once more. */
const YOUNG_MS = 30_000;
const REST_MS = 60_000;

/**
 * When the page loads itself again: all of what it shows is in the address, so nothing is lost by that. It never does before the
 * server has answered, since the browser's own page for a server that is away would stay.
 */
export class Renewal {
  private isKept = false;
  private isDue = false;
  private isSeeking = false;
  private isLive = true;
  /** Counts what was begun or ended: an answer that was asked for before says nothing any more. */
  private call = 0;
  private cancelLook: (() => void) | null = null;
  private cancelStuck: (() => void) | null = null;

  constructor(
    private readonly page: Loaded,
    private readonly after: After,
  ) {}

  /** Whether nobody is there to load it again, and it is to run for days. */
  keep(isKept: boolean): void {
    if (isKept === this.isKept) return;
    this.isKept = isKept;
    this.call += 1;
    this.isDue = false;
    this.cancelLook?.();
    this.cancelLook = isKept ? this.after(LOOK_MS, () => void this.look()) : null;
    if (isKept && !this.isLive) this.await();
  }

  /** Nothing is shown right now that one would like to see to its end. */
  rest(): void {
    if (this.isDue) this.page.load();
  }

  /** Whether turns come. */
  connected(isLive: boolean): void {
    this.isLive = isLive;
    if (isLive) {
      this.cancelStuck?.();
      this.cancelStuck = null;
      return;
    }
    this.await();
  }

  /** Waits for turns, but not for ever. */
  private await(): void {
    this.cancelStuck ??= this.after(STUCK_MS, () => {
      this.cancelStuck = null;
      if (this.isKept) this.seek();
    });
  }

  /** Nothing can be drawn any more. */
  lose(): void {
    if (this.page.ageMs() < YOUNG_MS) this.after(REST_MS, () => this.seek());
    else this.seek();
  }

  private seek(): void {
    if (this.isSeeking) return;
    this.isSeeking = true;
    void this.loadWhenThere();
  }

  private async loadWhenThere(): Promise<void> {
    if ((await this.page.ask()) === null) this.after(RETRY_MS, () => void this.loadWhenThere());
    else this.page.load();
  }

  private async look(): Promise<void> {
    const { call } = this;
    const script = await this.page.ask();
    if (call !== this.call) return;
    this.isDue = script !== null && script !== this.page.script;
    this.cancelLook = this.isDue
      ? this.after(PATIENCE_MS, () => this.seek())
      : this.after(LOOK_MS, () => void this.look());
  }
}

/** The name of the script that a page begins with. */
export function scriptOf(html: string): string | null {
  return /<script[^>]*\ssrc="([^"]+)"/.exec(html)?.[1] ?? null;
}

/** This page. */
export function thisPage(): Loaded {
  return {
    script: document.querySelector('script[src]')?.getAttribute('src') ?? '',
    ask: async () => {
      try {
        const response = await fetch('./', { cache: 'no-cache', signal: AbortSignal.timeout(RETRY_MS) });
        return response.ok ? scriptOf(await response.text()) : null;
      } catch {
        return null;
      }
    },
    ageMs: () => performance.now(),
    load: () => location.reload(),
  };
}
