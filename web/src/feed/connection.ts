/** How the page stands with the server. */
export type Connection =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** The server is there, but no turn comes. */
  | { readonly state: 'silent' }
  /** `reason` is what the server said last, if it said anything. */
  | { readonly state: 'lost'; readonly reason: string | null }
  /** A past turn is shown, as it was. */
  | { readonly state: 'past'; readonly turn: number }
  /** The server does not have the turn, so something that is in view cannot be shown. `reason` is what it said. */
  | { readonly state: 'gone'; readonly turn: number; readonly reason: string };
