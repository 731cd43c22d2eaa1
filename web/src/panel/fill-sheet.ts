import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';

/** On narrower windows a sheet hides where it leads, so it closes. */
export const ASIDE_PIXELS_MIN = 1100;

/** Fills the element of a sheet with what the sheet holds, when it is opened for the first time. */
export type FillSheet = (host: HTMLElement, address: Address, feed: Feed) => void;
