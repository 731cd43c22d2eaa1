import { element } from './element';

/** The download has begun by then, and holds the file itself. */
const HELD_MS = 60_000;

/** Hands a file to the person. */
export function download(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  element('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), HELD_MS);
}
