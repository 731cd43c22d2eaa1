import type { Feed } from '../feed/feed';
import type { After } from '../feed/supply';
import type { Address } from '../place/address';
import type { Place } from '../place/place';
import { TO_LIVE } from '../place/step';
import { PERIOD_GUESS_MS, periodOf } from '../sql/period';
import { at } from '../sql/question';
import { STANDINGS, type Standing } from '../sql/standings';
import { SIGHTS, STORIES, type Story } from '../sql/story';
import { type SystemState, systemQuestion } from '../sql/system';
import { PLACES, type SystemPlace } from '../sql/systems';
import { TURNS, type TurnRecord } from '../sql/turns';
import { chooseStory } from './choose';
import { overview, type Shot, STILL, visitTo } from './shot';
import { endOf, type Replay, replayOf } from './subject';

/** How the tour is shown. */
export interface Screen {
  /** Whether the person wants no motion: then pictures fade into each other. */
  readonly isCalm: boolean;
  /** `lastsMs`: the way there and the stay. */
  show(shot: Shot, lastsMs: number): void;
  /** Darkens the sky, calls `change`, and lets it shine again. */
  fade(change: () => void): void;
  close(words: string): void;
}

/** The longest flight of the tour. */
const FLIGHT_MS = 3400;
const FADE_MS = 700;
/** The tour begins with a visit, if the first answers come within so many of these times. */
const CURTAIN_MS = 350;
const CURTAINS_MAX = 8;
/** So many visits are remembered, so that none is repeated. */
const VISITS_KEPT = 120;

/** Where nothing is left to see the shot ends after this long, but not before it has been looked at for the other. */
const LINGER_MS = 2000;
const LOOK_MS_MIN = 3000;

/** A replay whose turns come late goes on for so long, so many times at most. */
const LATE_MS = 4000;
const LATE_WAITS_MAX = 3;

const REPLAY_WORDS = 'Fallen. Once more, slowly.';

export const LEAVING_WORDS = 'You steer. Watch (w) goes on with the tour.';

/** Leads from place to place while the place says so: a visit, an overview, the next visit. */
export class Tour {
  private stories: readonly Story[] = [];
  private sights: readonly Story[] = [];
  private standings: readonly Standing[] = [];
  private turns: readonly TurnRecord[] = [];
  private places: readonly SystemPlace[] = [];
  private visited: Story[] = [];
  private overviews = 0;
  private isNear = false;
  private curtains = 0;
  private cancel: (() => void) | null = null;
  private replaying = false;
  /** What is shown, when it began and when it will be left; null from the moment that it has come to its end. */
  private shown: { readonly shot: Shot; readonly sinceMs: number; readonly untilMs: number } | null = null;

  constructor(
    private readonly address: Pick<Address, 'place' | 'listen' | 'replace'>,
    feed: Pick<Feed, 'follow'>,
    private readonly screen: Screen,
    private readonly after: After,
    private readonly now: () => number = () => performance.now(),
  ) {
    // While a fall is played again nothing is asked, and what was known stays.
    const follow = <T>(question: Parameters<typeof at<T>>[0], take: (value: T) => void): void =>
      feed.follow(
        ({ isTouring, turn }) => (isTouring && !this.replaying ? at(question, turn) : null),
        (value) => {
          if (value !== null) take(value);
        },
      );
    follow(STORIES, (stories) => {
      this.stories = stories;
    });
    follow(SIGHTS, (sights) => {
      this.sights = sights;
    });
    follow(STANDINGS, (standings) => {
      this.standings = standings;
    });
    follow(TURNS, (turns) => {
      this.turns = turns;
    });
    follow(PLACES, (places) => {
      this.places = places;
    });
    feed.follow(
      (place) => (place.isTouring && place.turn === null ? systemQuestion(place) : null),
      (state) => this.see(state),
    );
    address.listen((place, from) => this.attend(place, from));
  }

  /** Whether the past turns that are played are the tour's own: a fall, once more. */
  get isReplaying(): boolean {
    return this.replaying;
  }

  private attend(place: Place, from: Place | null): void {
    if (place.isTouring && this.cancel === null) {
      this.isNear = false;
      this.curtains = CURTAINS_MAX;
      this.cancel = this.after(CURTAIN_MS, () => this.next());
    } else if (!place.isTouring && this.cancel !== null) {
      this.cancel();
      this.cancel = null;
      this.shown = null;
      this.replaying = false;
      this.screen.close(from?.isTouring ? LEAVING_WORDS : '');
    }
  }

  private next(): void {
    const shot = this.choose();
    if (shot.story === null && this.curtains > 0) {
      this.curtains -= 1;
      this.cancel = this.after(CURTAIN_MS, () => this.next());
      return;
    }
    this.curtains = 0;
    this.isNear = shot.story !== null;
    if (shot.story !== null) this.visited = [...this.visited, shot.story].slice(-VISITS_KEPT);
    else this.overviews += 1;
    const { isCalm } = this.screen;
    const lastsMs = shot.staysMs + (isCalm ? FADE_MS : FLIGHT_MS);
    this.shown = { shot, sinceMs: this.now(), untilMs: this.now() + lastsMs };
    this.cancel = this.after(lastsMs, () => this.next());
    const go = (): void => {
      if (this.address.place.isTouring) this.address.replace(shot.step);
    };
    if (isCalm) this.screen.fade(go);
    else go();
    this.screen.show(shot, lastsMs);
  }

  /** Whatever the shot shows may be over: then it is left, or, when its ship fell, shown once more before. */
  private see(state: SystemState | null): void {
    const shown = this.shown;
    if (shown === null || state === null || this.address.place.sid !== shown.shot.step.sid) return;
    const end = endOf(shown.shot, state);
    if (end === null) return;
    this.shown = null;
    const nowMs = this.now();
    const seenMs = shown.sinceMs + (this.screen.isCalm ? FADE_MS : FLIGHT_MS) + LOOK_MS_MIN;
    const leaveMs = Math.min(Math.max(nowMs + LINGER_MS, seenMs), shown.untilMs);
    const periodMs = periodOf(this.turns) ?? PERIOD_GUESS_MS;
    const replay =
      end.fellTid === null || this.screen.isCalm ? null : replayOf(shown.shot, end.fellTid, periodMs);
    // What stood still from the beginning is looked at until its time is up, unless it can be shown once more.
    if (replay === null && shown.shot.story !== null && STILL.has(shown.shot.story.kind)) return;
    this.cancel?.();
    this.cancel = this.after(leaveMs - nowMs, () =>
      replay === null ? this.next() : this.replay(shown.shot, end.fellTid ?? 0, replay),
    );
  }

  private replay(shot: Shot, fellTid: number, { step, lastsMs }: Replay): void {
    const told = this.stories.find(
      (story) => STILL.has(story.kind) && story.tid === fellTid && story.eid === step.eid,
    );
    // What is told now is not visited for itself later.
    if (told !== undefined && told !== shot.story) this.visited = [...this.visited, told].slice(-VISITS_KEPT);
    const leave = (waits: number): void => {
      const { turn } = this.address.place;
      // Where turns come late, the fall is waited for.
      if (waits > 0 && turn !== null && turn < fellTid) {
        this.cancel = this.after(LATE_MS, () => leave(waits - 1));
        return;
      }
      this.replaying = false;
      this.address.replace(TO_LIVE);
      this.next();
    };
    this.cancel = this.after(lastsMs, () => leave(LATE_WAITS_MAX));
    this.replaying = true;
    this.address.replace(step);
    this.screen.show({ ...shot, caption: told?.text ?? REPLAY_WORDS }, lastsMs);
  }

  private choose(): Shot {
    const tid = this.turns[0]?.tid ?? this.address.place.turn ?? 0;
    const story = this.isNear
      ? null
      : (chooseStory(this.stories, this.visited, tid) ?? chooseStory(this.sights, this.visited, tid));
    if (story !== null) return visitTo(story);
    const { sid } = this.address.place;
    const from = this.places.find((place) => place.sid === sid) ?? null;
    return overview(this.overviews, { standings: this.standings, turn: this.turns[0] ?? null, from });
  }
}
