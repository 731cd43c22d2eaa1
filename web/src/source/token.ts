/**
 * The token of the link that a server prints when it needs one: `#token=wv_...`. It leaves the address bar at once, so
 * that it is not copied or kept with the page's place, and lives as long as the tab.
 */
const KEY = 'wasmverse-token';
const LINK = /^#token=([\w-]+)$/;

let held: string | null = null;

/** Takes the token out of the address, or the one that this tab has had before. To be called first. */
export function takeToken(): void {
  const found = LINK.exec(location.hash)?.[1];
  if (found !== undefined) {
    sessionStorage.setItem(KEY, found);
    history.replaceState(null, '', location.pathname + location.search);
  }
  held = sessionStorage.getItem(KEY);
}

export function heldToken(): string | null {
  return held;
}
