import type { Feed } from '../feed/feed';
import type { Address } from '../place/address';

/** Fills the element of a sheet with what the sheet holds, when it is opened for the first time. */
export type FillSheet = (host: HTMLElement, address: Address, feed: Feed) => void;
