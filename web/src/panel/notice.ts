import { Busy, type SourceFailure } from '../source/failure';
import type { Connection } from '../source/source';
import { byId, write } from './element';

/** Says how the page stands with the server: live, busy, or lost and being sought. */
export class Notice {
  private readonly dot = byId('connection');
  private readonly text = byId('notice');

  show(connection: Connection): void {
    this.dot.className = `connection ${connection.state}`;
    write(
      this.dot,
      connection.state === 'lost' ? 'Offline' : connection.state === 'live' ? 'Live' : 'Connecting',
    );
    this.say(wordsOf(connection));
  }

  /** A query of the page itself was refused, or its answer made no sense: nothing to mend by waiting, so it is said. */
  showFailure(failure: SourceFailure): void {
    this.say(`The server refused a query of this page: ${failure.message}`);
  }

  private say(words: string): void {
    write(this.text, words);
    this.text.hidden = words === '';
  }
}

export function wordsOf(connection: Connection): string {
  if (connection.state !== 'lost') return '';
  if (connection.failure instanceof Busy)
    return `The server is busy (${connection.failure.message}). Asking again …`;
  if (connection.failure.name === 'Unreachable')
    return 'Connection to the server lost. What you see has stopped; looking for the server …';
  return `The server does not answer as it should: ${connection.failure.message} Asking again …`;
}
