import { heldToken } from './token';

/** A connection on which texts go both ways. */
export interface Link {
  send(text: string): void;
  close(): void;
}

export interface LinkListener {
  onOpen(): void;
  onText(text: string): void;
  /** Once, however the link came to its end; not after `close`. */
  onEnd(): void;
}

export type OpenLink = (listener: LinkListener) => Link;

/** Opens the live queries' WebSocket, on the host the page came from. */
export function openLink(listener: LinkListener): Link {
  const address = new URL('api/v1/live', location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  address.hash = '';
  const socket = new WebSocket(address);
  socket.onopen = () => {
    // A browser's WebSocket has no headers of ours: the token is the first message.
    const token = heldToken();
    if (token !== null) socket.send(JSON.stringify({ token }));
    listener.onOpen();
  };
  socket.onmessage = (event: MessageEvent<unknown>) => listener.onText(String(event.data));
  socket.onclose = () => listener.onEnd();
  return {
    send: (text) => socket.send(text),
    close: () => {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    },
  };
}
