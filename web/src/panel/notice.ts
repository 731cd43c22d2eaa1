import type { Connection } from '../feed/connection';
import type { Feed } from '../feed/feed';
import { byId, write } from './element';
import { count } from './format';

const LABELS: Readonly<Record<Connection['state'], string>> = {
  connecting: 'Connecting',
  live: 'Live',
  silent: 'No turn',
  lost: 'Offline',
  past: 'Past',
  gone: 'Not kept',
};

/** Says how the page stands with the server, and what it cannot show. */
export class Notice {
  private readonly lamp = byId('connection');
  private readonly text = byId('notice');

  constructor(feed: Pick<Feed, 'listen'>) {
    feed.listen({
      onConnection: (connection) => {
        this.lamp.className = `connection ${connection.state}`;
        write(this.lamp, LABELS[connection.state]);
        this.say(wordsOf(connection));
      },
      onFailure: (failure) =>
        this.say(
          failure === null ? '' : `The server did not answer a query of this page: ${failure.message}`,
        ),
    });
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
    case 'gone':
      return goneWords(connection.turn, connection.reason);
    default:
      return '';
  }
}

/** The server says which turns it keeps; where it says something else, those are the words. */
function goneWords(turn: number, reason: string): string {
  const [, first, last] = /turns (\d+) to (\d+) are kept/.exec(reason) ?? [];
  if (first === undefined || last === undefined) return `Turn ${count(turn)} cannot be shown: ${reason}.`;
  const kept = `The server keeps turns ${count(Number(first))} to ${count(Number(last))}.`;
  return turn > Number(last)
    ? `Turn ${count(turn)} has not been played. ${kept}`
    : `Turn ${count(turn)} is not kept any more: what you have not yet seen of it cannot be shown. ${kept}`;
}
