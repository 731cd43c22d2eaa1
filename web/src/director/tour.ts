import type { Feed } from '../feed/feed';
import type { After } from '../feed/supply';
import type { Address } from '../place/address';
import type { Place } from '../place/place';
import { at } from '../sql/question';
import { STANDINGS, type Standing } from '../sql/standings';
import { SIGHTS, STORIES, type Story } from '../sql/story';
import { PLACES, type SystemPlace } from '../sql/systems';
import { TURNS, type TurnRecord } from '../sql/turns';
import { chooseStory } from './choose';
import { overview, type Shot, visitTo } from './shot';

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

  constructor(
    private readonly address: Pick<Address, 'place' | 'listen' | 'replace'>,
    feed: Pick<Feed, 'follow'>,
    private readonly screen: Screen,
    private readonly after: After,
  ) {
    const follow = <T>(question: Parameters<typeof at<T>>[0], take: (value: T | null) => void): void =>
      feed.follow((place) => (place.isTouring ? at(question, place.turn) : null), take);
    follow(STORIES, (stories) => {
      this.stories = stories ?? [];
    });
    follow(SIGHTS, (sights) => {
      this.sights = sights ?? [];
    });
    follow(STANDINGS, (standings) => {
      this.standings = standings ?? [];
    });
    follow(TURNS, (turns) => {
      this.turns = turns ?? [];
    });
    follow(PLACES, (places) => {
      this.places = places ?? [];
    });
    address.listen((place, from) => this.attend(place, from));
  }

  private attend(place: Place, from: Place | null): void {
    if (place.isTouring && this.cancel === null) {
      this.isNear = false;
      this.curtains = CURTAINS_MAX;
      this.cancel = this.after(CURTAIN_MS, () => this.next());
    } else if (!place.isTouring && this.cancel !== null) {
      this.cancel();
      this.cancel = null;
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
    this.cancel = this.after(lastsMs, () => this.next());
    const go = (): void => {
      if (this.address.place.isTouring) this.address.replace(shot.step);
    };
    if (isCalm) this.screen.fade(go);
    else go();
    this.screen.show(shot, lastsMs);
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
