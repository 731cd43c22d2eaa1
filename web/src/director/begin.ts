import '../style/tour.css';
import type { Feed } from '../feed/feed';
import type { After } from '../feed/supply';
import type { Address } from '../place/address';
import { Caption } from './caption';
import { Tour } from './tour';

/** Makes what leads the tours. It is loaded when the first of them begins. */
export function beginTours(address: Address, feed: Feed, after: After): Tour {
  return new Tour(address, feed, new Caption(after), after);
}
