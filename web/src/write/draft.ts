/** What somebody is writing: kept in this browser until something else is begun, also over a reload. */
export interface Draft {
  /** The name under which it flies. */
  readonly name: string;
  /** What it was begun from, which is also what the source is called. */
  readonly file: string;
  readonly text: string;
}

const KEY = 'wasmverse-draft';

export function readDraft(storage: Pick<Storage, 'getItem'>): Draft | null {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? 'null');
    if (typeof kept !== 'object' || kept === null) return null;
    const { name, file, text } = kept as Record<string, unknown>;
    const isDraft = typeof name === 'string' && typeof file === 'string' && typeof text === 'string';
    return isDraft ? { name, file, text } : null;
  } catch {
    // Written by something else, or storage is denied.
    return null;
  }
}

export function keepDraft(storage: Pick<Storage, 'setItem'>, draft: Draft): void {
  try {
    storage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // Full or denied: what is written lives as long as the page.
  }
}
