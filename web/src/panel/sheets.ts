import type { Sheet } from '../place/place';
import { button, byId } from './element';

const SHEETS: readonly Sheet[] = ['strategies', 'console', 'help'];

/** The sheets that lie over the sky, one at a time; which one is open is in the address. */
export class Sheets {
  private openSheet: Sheet | null = null;

  constructor(onWant: (sheet: Sheet | null) => void) {
    for (const sheet of SHEETS) {
      byId(`sheet-${sheet}`).prepend(
        button('×', { class: 'quiet round close', 'aria-label': 'Close', title: 'Close (Escape)' }, () =>
          onWant(null),
        ),
      );
      const opener = this.opener(sheet);
      opener.addEventListener('click', () => onWant(this.openSheet === sheet ? null : sheet));
    }
  }

  body(sheet: Sheet): HTMLElement {
    return byId(`sheet-${sheet}`);
  }

  open(sheet: Sheet | null): void {
    if (sheet === this.openSheet) return;
    const before = this.openSheet;
    this.openSheet = sheet;
    for (const each of SHEETS) {
      this.body(each).hidden = each !== sheet;
      this.opener(each).setAttribute('aria-expanded', String(each === sheet));
    }
    // The focus goes into what opened, and back to what opened it.
    if (sheet !== null)
      this.body(sheet).querySelector<HTMLElement>('input:not([type=file]), textarea, button')?.focus();
    else if (before !== null) this.opener(before).focus();
  }

  private opener(sheet: Sheet): HTMLElement {
    const opener = document.querySelector<HTMLElement>(`[data-sheet="${sheet}"]`);
    if (opener === null) throw new Error(`nothing opens the sheet ${sheet}`);
    return opener;
  }
}
