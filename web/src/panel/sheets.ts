import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';
import type { Sheet as AnySheet } from '../place/place';
import { button, byId, element } from './element';
import type { FillSheet } from './fill-sheet';

/** On a narrow window the universe's panel unfolds like a sheet; it is always there (`universe-panel.ts`). */
type Sheet = Exclude<AnySheet, 'standings'>;

/** Each sheet is a file of its own, which the browser loads when the sheet is first opened. */
const LOAD: Readonly<Record<Sheet, () => Promise<FillSheet>>> = {
  strategies: async () => (await import('../sheet/strategies-sheet')).fillStrategies,
  console: async () => (await import('../sheet/console-sheet')).fillConsole,
  write: async () => (await import('../sheet/write-sheet')).fillWrite,
  duel: async () => (await import('../sheet/duel-sheet')).fillDuel,
  fame: async () => (await import('../sheet/fame-sheet')).fillFame,
  help: async () => (await import('../sheet/help-sheet')).fillHelp,
};
const SHEETS = Object.keys(LOAD) as readonly Sheet[];

/** The sheets that lie over the sky, one at a time; which one is open is in the address. */
export class Sheets {
  private openSheet: Sheet | null = null;
  private readonly filled = new Map<Sheet, Promise<void>>();

  constructor(
    private readonly address: Address,
    private readonly feed: Feed,
  ) {
    for (const sheet of SHEETS) {
      body(sheet).prepend(
        button('×', { class: 'quiet round close', 'aria-label': 'Close', title: 'Close (Escape)' }, () =>
          address.go({ sheet: null }),
        ),
      );
      opener(sheet)?.addEventListener('click', () =>
        address.go({ sheet: this.openSheet === sheet ? null : sheet }),
      );
    }
    address.listen(({ sheet }) => this.open(sheet === 'standings' ? null : sheet));
  }

  private open(sheet: Sheet | null): void {
    if (sheet === this.openSheet) return;
    const before = this.openSheet;
    this.openSheet = sheet;
    for (const each of SHEETS) {
      body(each).hidden = each !== sheet;
      opener(each)?.setAttribute('aria-expanded', String(each === sheet));
    }
    // The focus goes into what opened, and back to what opened it.
    if (sheet !== null) void this.fill(sheet).then(() => this.focus(sheet));
    else if (before !== null) (opener(before) ?? byId('sky')).focus();
  }

  private fill(sheet: Sheet): Promise<void> {
    const known = this.filled.get(sheet);
    if (known !== undefined) return known;
    const host = body(sheet);
    const trouble = host.querySelector('.trouble');
    const filling = LOAD[sheet]().then(
      (fill) => {
        trouble?.remove();
        fill(host, this.address, this.feed);
      },
      (error: unknown) => {
        // Forgotten, so that the next opening tries again.
        this.filled.delete(sheet);
        if (trouble === null)
          host.append(element('p', { class: 'verdict refused trouble', role: 'alert' }, troubleWords(error)));
      },
    );
    this.filled.set(sheet, filling);
    return filling;
  }

  private focus(sheet: Sheet): void {
    if (sheet !== this.openSheet) return;
    // To what is written in, if there is any, and only then to the first button, which closes the sheet.
    const field =
      body(sheet).querySelector<HTMLElement>('.editor') ??
      body(sheet).querySelector<HTMLElement>('input:not([type=file]), textarea');
    (field ?? body(sheet).querySelector('button'))?.focus();
  }
}

function troubleWords(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `This sheet could not be loaded (${reason}). Open it again when the server is there, or reload the page.`;
}

function body(sheet: Sheet): HTMLElement {
  return byId(`sheet-${sheet}`);
}

/** The button in the bar; null for a sheet that another one leads to. */
function opener(sheet: Sheet): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-sheet="${sheet}"]`);
}
