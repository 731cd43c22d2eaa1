import type { SourceFailure } from '../source/failure';
import type { Connection } from '../source/source';
import { byId, write } from './element';

const LABELS: Readonly<Record<Connection['state'], string>> = {
  connecting: 'Connecting',
  live: 'Live',
  silent: 'No turn',
  lost: 'Offline',
};

/** Says how the page stands with the server: live, without turns, or lost and being sought. */
export class Notice {
  private readonly dot = byId('connection');
  private readonly text = byId('notice');

  show(connection: Connection): void {
    this.dot.className = `connection ${connection.state}`;
    write(this.dot, LABELS[connection.state]);
    this.say(wordsOf(connection));
  }

  /** A query of the page itself was refused, or its answer made no sense; null when all are answered again. */
  showFailure(failure: SourceFailure | null): void {
    this.say(failure === null ? '' : `The server did not answer a query of this page: ${failure.message}`);
  }

  private say(words: string): void {
    write(this.text, words);
    this.text.hidden = words === '';
  }
}

export function wordsOf(connection: Connection): string {
  switch (connection.state) {
    case 'silent':
      return 'The server is there, but no turn comes: the universe stands still. Waiting for the next turn …';
    case 'lost': {
      const reason = connection.reason === null ? '' : ` (${connection.reason})`;
      return `Connection to the server lost${reason}. What you see has stopped; looking for the server …`;
    }
    default:
      return '';
  }
}
