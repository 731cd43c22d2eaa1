import type { Address } from '../place/address';
import type { Place } from '../place/place';
import { Refused, SourceFailure } from '../source/failure';
import type { OpenLink } from '../source/link';
import type { Post } from '../source/request';
import { keyOf, type Question } from '../sql/question';
import { Live } from './live';
import { LiveConnection, type LiveListener } from './live-connection';
import { Past } from './past';
import { Store } from './store';
import type { After, Supply, SupplyListener } from './supply';

/** The ways to the server, and the clock: arguments, so that tests have their own. */
export interface Means {
  readonly openLink: OpenLink;
  readonly post: Post;
  readonly after: After;
}

interface Follower {
  /** The question that it has at a place. */
  ask(place: Place): Question<unknown> | null;
  /** Takes in the place; returns the question that it has there. */
  attend(place: Place): Question<unknown> | null;
  /** Shows what the store has for its question, if that is something else than before. */
  look(): void;
}

/**
 * All that the page knows of the universe comes through here. Each part of the page says which question it has at a
 * place; those questions are asked and no others, live or about the one turn that the place names.
 */
export class Feed {
  private readonly store = new Store(() => this.look());
  private readonly followers: Follower[] = [];
  private readonly listeners: SupplyListener[] = [];
  private readonly all: SupplyListener = {
    onConnection: (connection) => {
      for (const each of this.listeners) each.onConnection(connection);
    },
    onFailure: (failure) => {
      for (const each of this.listeners) each.onFailure(failure);
    },
  };
  private readonly live: Live;
  private supply: Supply | null = null;
  private turn: number | null = null;
  private wanted = new Map<string, Question<unknown>>();
  private readonly refused = new Set<string>();
  /** What is being asked of turns that are not shown yet. */
  private readonly early = new Set<string>();

  constructor(
    private readonly address: Pick<Address, 'place' | 'listen'>,
    private readonly means: Means,
  ) {
    const { openLink, post, after } = means;
    const connect = (listener: LiveListener): LiveConnection => new LiveConnection(openLink, after, listener);
    this.live = new Live(connect, post, this.store, this.all);
  }

  listen(listener: SupplyListener): void {
    this.listeners.push(listener);
  }

  /**
   * `ask` gives the question at a place, or null; `show` gets what is known of it each time that this changes, null
   * when nothing is. Nothing is asked before `start`.
   */
  follow<T>(ask: (place: Place) => Question<T> | null, show: (value: T | null) => void): void {
    let question: Question<T> | null = null;
    let shown: T | null = null;
    this.followers.push({
      ask,
      attend: (place) => {
        question = ask(place);
        return question;
      },
      look: () => {
        const value = question === null ? null : this.store.get(question);
        if (value === shown) return;
        shown = value;
        show(value);
      },
    });
    if (this.supply !== null) this.attend(this.address.place);
  }

  /** To be called when the parts of the page are there: they hear of a new place before its answers come. */
  start(): void {
    this.address.listen((place) => this.attend(place));
  }

  /**
   * Asks for all that the page would show of a past turn where it is now; whether there is nothing to wait for. What is
   * refused is not waited for: once the turn is shown, the page says why.
   */
  prefetch(turn: number): boolean {
    let isThere = true;
    for (const follower of this.followers) {
      const question = follower.ask({ ...this.address.place, turn });
      if (question === null || question.query.turn !== turn || this.store.get(question) !== null) continue;
      const key = keyOf(question);
      if (this.refused.has(key)) continue;
      isThere = false;
      if (this.early.has(key)) continue;
      this.early.add(key);
      this.means
        .post(question.query)
        .then((answer) => {
          if (answer.turn === turn) this.store.put(question, question.read(answer));
        })
        .catch((error: unknown) => {
          if (!(error instanceof SourceFailure)) throw error;
          if (error instanceof Refused) this.refused.add(key);
        })
        .finally(() => this.early.delete(key));
    }
    return isThere;
  }

  /** A page that nobody sees asks nothing. */
  pause(): void {
    this.supply?.stop();
  }

  resume(): void {
    this.supply?.start();
  }

  private attend(place: Place): void {
    const questions = this.followers
      .map((follower) => follower.attend(place))
      .filter((question) => question !== null);
    const wanted = new Map(questions.map((question) => [keyOf(question), question]));
    const isOther = this.supply === null || place.turn !== this.turn;
    for (const [key, question] of this.wanted) if (!wanted.has(key)) this.supply?.release(question);
    if (isOther) this.supply?.stop();
    const supply = isOther || this.supply === null ? this.supplyOf(place.turn) : this.supply;
    this.supply = supply;
    this.turn = place.turn;
    const before = this.wanted;
    this.wanted = wanted;
    this.forget(before, questions);
    if (isOther) {
      this.all.onConnection({ state: 'connecting' });
      supply.start();
    }
    for (const [key, question] of wanted) if (!before.has(key)) supply.want(question);
    this.look();
  }

  /** A live answer that is no longer renewed would be shown as new when its question comes back. */
  private forget(before: ReadonlyMap<string, Question<unknown>>, now: readonly Question<unknown>[]): void {
    for (const question of before.values()) {
      const { about, pace, query } = question;
      if (query.turn !== null || (pace !== 'turn' && pace !== 'beat')) continue;
      if (!now.some((each) => each.about === about && each.query.turn === null)) this.store.forget(question);
    }
  }

  private look(): void {
    for (const follower of this.followers) follower.look();
  }

  private supplyOf(turn: number | null): Supply {
    if (turn === null) return this.live;
    const { post, after } = this.means;
    return new Past(turn, post, after, this.store, this.all);
  }
}
