import { type After, backoffMs } from '../feed/supply';
import type { Answer, Value } from '../source/answer';
import { SourceFailure } from '../source/failure';
import type { Link, OpenLink } from '../source/link';
import { readMessage } from '../source/message';

export interface LiveQueryListener {
  /** `bytes` is the length of the message that it came in. */
  onAnswer(answer: Answer, bytes: number): void;
  /** The server refused the statement, and will not answer it again. */
  onFailure(failure: SourceFailure): void;
  /** The connection is lost, and sought again. */
  onLost(): void;
}

const ID = 1;

/**
 * Somebody's own statement, answered after every turn in which its result changed, over a connection of its own: what it
 * costs and how it fails is nothing to the rest of the page.
 */
export class LiveQuery {
  private link: Link | null = null;
  private cancel: () => void = () => {};
  private attempts = 0;

  constructor(
    private readonly openLink: OpenLink,
    private readonly after: After,
    private readonly listener: LiveQueryListener,
  ) {}

  start(sql: string, args: readonly Value[]): void {
    this.stop();
    this.attempts = 0;
    this.connect(JSON.stringify({ id: ID, sql, args, bigint: 'string' }));
  }

  stop(): void {
    this.cancel();
    this.link?.close();
    this.link = null;
  }

  private connect(question: string): void {
    const link = this.openLink({
      onOpen: () => link.send(question),
      onText: (text) => this.take(text),
      onEnd: () => {
        this.link = null;
        this.attempts += 1;
        this.listener.onLost();
        this.cancel = this.after(backoffMs(this.attempts), () => this.connect(question));
      },
    });
    this.link = link;
  }

  private take(text: string): void {
    const { outcome } = readMessage(text);
    this.attempts = 0;
    if (outcome instanceof SourceFailure) {
      this.stop();
      this.listener.onFailure(outcome);
    } else {
      this.listener.onAnswer(outcome, text.length);
    }
  }
}
