import { beforeEach, expect, test } from 'vitest';
import type { Shot } from '../../src/director/shot';
import { LEAVING_WORDS, type Screen, Tour } from '../../src/director/tour';
import { MAP, type Place } from '../../src/place/place';
import { keyOf, type Question } from '../../src/sql/question';
import { SIGHTS } from '../../src/sql/story';
import { TURNS } from '../../src/sql/turns';
import { storyOf, turnsUpTo } from '../build';
import { FakeAddress, FakeClock } from '../feed/fakes';

class FakeScreen implements Screen {
  isCalm = false;
  fades = 0;
  words: string | null = null;
  readonly shots: { shot: Shot; lastsMs: number }[] = [];

  show(shot: Shot, lastsMs: number): void {
    this.shots.push({ shot, lastsMs });
  }

  fade(change: () => void): void {
    this.fades += 1;
    change();
  }

  close(words: string): void {
    this.words = words;
  }
}

/** Shows each follower what the test has for its question. */
class FakeFeed {
  readonly answers = new Map<string, unknown>();
  readonly followers: [ask: (place: Place) => Question<unknown> | null, show: (value: never) => void][] = [];

  follow<T>(ask: (place: Place) => Question<T> | null, show: (value: T | null) => void): void {
    this.followers.push([ask as (place: Place) => Question<unknown> | null, show]);
  }

  answer(place: Place): void {
    for (const [ask, show] of this.followers) {
      const question = ask(place);
      show((question === null ? null : (this.answers.get(question.about) ?? null)) as never);
    }
  }

  asked(place: Place): string[] {
    return this.followers
      .map(([ask]) => ask(place))
      .filter((question) => question !== null)
      .map(keyOf);
  }
}

let address: FakeAddress;
let feed: FakeFeed;
let screen: FakeScreen;
let clock: FakeClock;

beforeEach(() => {
  address = new FakeAddress();
  feed = new FakeFeed();
  screen = new FakeScreen();
  clock = new FakeClock();
  feed.answers.set(TURNS.about, turnsUpTo(50));
  feed.answers.set(SIGHTS.about, [
    storyOf({ tid: 50, kind: 'fight', sid: 1, x: 5, y: 6 }),
    storyOf({ tid: 50, kind: 'strongest', sid: 2, eid: 22 }),
  ]);
  new Tour(address, feed, screen, clock.after);
});

function begin(place: Partial<Place> = {}): void {
  address.go({ ...place, isTouring: true });
  feed.answer(address.place);
  clock.fire();
}

test('a visit, an overview and another visit follow each other, each for its time', () => {
  begin();
  expect(address.place).toMatchObject({ sid: 1, isTouring: true });
  expect(clock.delayMs).toBe(screen.shots[0]?.lastsMs);
  expect(screen.shots[0]?.lastsMs).toBeGreaterThanOrEqual(8000);
  clock.fire();
  expect(address.place).toMatchObject({ sid: null, eid: null });
  clock.fire();
  expect(address.place).toMatchObject({ sid: 2, eid: 22, isFollowing: true });
  expect(screen.shots.map(({ shot }) => shot.story?.kind)).toEqual(['fight', undefined, 'strongest']);
});

test('with nothing to visit there are overviews, after a moment of waiting for answers', () => {
  feed.answers.clear();
  begin({ sid: 9 });
  expect(screen.shots).toEqual([]);
  for (let i = 0; i < 9; i += 1) clock.fire();
  expect(screen.shots.length).toBeGreaterThan(0);
  expect(address.place.sid).toBeNull();
});

test('no tour, no question; a tour of a past turn asks about that turn and does not leave it', () => {
  expect(feed.asked(MAP)).toEqual([]);
  begin({ turn: 40 });
  expect(feed.asked(address.place).every((key) => JSON.parse(key)[1] === 40)).toBe(true);
  for (let i = 0; i < 5; i += 1) clock.fire();
  expect(address.place.turn).toBe(40);
});

test('who takes over is told so, and the tour changes nothing any more', () => {
  begin();
  address.go({ isTouring: false, sid: 7 });
  expect(screen.words).toBe(LEAVING_WORDS);
  expect(clock.isSet).toBe(false);
  expect(address.place.sid).toBe(7);
});

test('who wants no motion sees pictures that fade', () => {
  screen.isCalm = true;
  begin();
  expect(screen.fades).toBe(1);
  expect(address.place.sid).toBe(1);
});
