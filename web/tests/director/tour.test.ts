import { beforeEach, expect, test } from 'vitest';
import type { Shot } from '../../src/director/shot';
import { LEAVING_WORDS, type Screen, Tour } from '../../src/director/tour';
import type { After } from '../../src/feed/supply';
import { MAP, type Place } from '../../src/place/place';
import { keyOf, type Question } from '../../src/sql/question';
import { SIGHTS, STORIES } from '../../src/sql/story';
import type { SystemState } from '../../src/sql/system';
import { TURNS } from '../../src/sql/turns';
import { event, node, ship, stateOf, storyOf, turnsUpTo } from '../build';
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
let nowMs: number;

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
  nowMs = 0;
  new Tour(address, feed, screen, clock.after, () => nowMs);
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

test('hours of a tour leave one timer', () => {
  let timers = 0;
  const counted: After = (delayMs, action) => {
    timers += 1;
    const cancel = clock.after(delayMs, () => {
      timers -= 1;
      action();
    });
    return () => {
      if (clock.isSet) timers -= 1;
      cancel();
    };
  };
  address = new FakeAddress();
  new Tour(address, feed, screen, counted, () => nowMs);
  for (let hour = 0; hour < 3; hour += 1) {
    begin();
    for (let shot = 0; shot < 300; shot += 1) {
      nowMs += clock.delayMs ?? 0;
      clock.fire();
      feed.answer(address.place);
      expect(timers).toBe(1);
    }
    address.go({ isTouring: false });
    expect(timers).toBe(0);
  }
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

/** The tour is at a ship that is followed; its system's state of a turn is answered. */
function atShip(): (state: SystemState) => void {
  feed.answers.set(STORIES.about, [storyOf({ tid: 50, kind: 'hero', sid: 2, eid: 22, score: 1 })]);
  begin();
  expect(address.place).toMatchObject({ sid: 2, eid: 22, turn: null });
  return (state) => {
    feed.answers.set('system 2', state);
    feed.answer(address.place);
  };
}

test('when the ship falls, its fall is shown once more in slow motion, and then the tour goes on, live', () => {
  const see = atShip();
  see(stateOf([ship({ eid: 22 })], [], 51));
  nowMs = 5000;
  see(stateOf([node({ eid: 22 })], [event({ tid: 52, kind: 'death', eid: 22 })], 52));
  expect(clock.delayMs).toBe(2000);
  clock.fire();
  expect(address.place).toMatchObject({ turn: 49, play: 0.5, sid: 2, eid: 22, isFollowing: true });
  expect(feed.asked(address.place)).toEqual([]);
  expect(screen.shots.at(-1)?.shot.caption).toMatch(/Once more/);
  clock.fire();
  expect(address.place, 'its turns come late').toMatchObject({ turn: 49 });
  address.replace({ turn: 52 });
  clock.fire();
  expect(address.place).toMatchObject({ turn: null, play: null, sid: null, isTouring: true });
});

test('when there is nothing left to see the shot ends early, but never before it was seen', () => {
  const see = atShip();
  see(stateOf([], [], 51));
  expect(clock.delayMs).toBe(3400 + 3000);
  clock.fire();
  expect(address.place).toMatchObject({ sid: null, turn: null });
});

test('a past turn that somebody plays is toured as any other, and stays', () => {
  const place = { ...MAP, isTouring: true, turn: 9, play: 2 };
  address.replace(place);
  expect(feed.asked(place).length).toBe(5);
});

test('who wants no motion is shown no replay', () => {
  screen.isCalm = true;
  const see = atShip();
  nowMs = 5000;
  see(stateOf([], [event({ tid: 51, kind: 'death', eid: 22 })], 51));
  clock.fire();
  expect(address.place).toMatchObject({ sid: null, turn: null });
});

test('who takes over during a replay is told so, and nothing else moves the page', () => {
  const see = atShip();
  see(stateOf([], [event({ tid: 51, kind: 'death', eid: 22 })], 51));
  clock.fire();
  address.go({ isTouring: false });
  expect(clock.isSet).toBe(false);
  expect(screen.words).toBe(LEAVING_WORDS);
});
