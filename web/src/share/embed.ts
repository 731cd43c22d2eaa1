import { byId } from '../panel/element';
import type { Address } from '../place/address';

/**
 * How the page looks within another one, or on a wall: `embed` and `hide` of the address as attributes of the body, by
 * which style/embed.css goes. A wall's screen is kept awake where the browser allows it.
 */
export function showEmbedded(address: Address): void {
  const { body } = document;
  const brand = byId('brand');
  let lock: Promise<WakeLockSentinel | null> | null = null;

  const stayAwake = (): void => {
    if (document.hidden || !('wakeLock' in navigator)) return;
    lock ??= navigator.wakeLock.request('screen').catch(() => null);
    // The browser takes it back when the page is hidden; it is asked for again when it is seen.
    void lock.then((held) => {
      if (held === null) lock = null;
      else held.addEventListener('release', () => (lock = null), { once: true });
    });
  };
  document.addEventListener('visibilitychange', () => {
    if (address.place.isEmbedded && address.place.isTouring) stayAwake();
  });
  address.listen((place) => {
    body.toggleAttribute('data-embed', place.isEmbedded);
    if (place.hidden.length === 0) body.removeAttribute('data-hide');
    else body.setAttribute('data-hide', place.hidden.join(' '));
    if (place.isEmbedded) brand.setAttribute('target', '_blank');
    else brand.removeAttribute('target');
    if (place.isEmbedded && place.isTouring) stayAwake();
  });
}
