import { expect, test } from 'vitest';
import { agoWords, isShown, nextHeadline, placeOf, shownOf } from '../../src/director/headlines';
import { MAP, NEWS_FILTERS, readPlace, writePlace } from '../../src/place/place';
import { storyOf } from '../build';

const NOW = 500;
const fall = storyOf({ tid: NOW, kind: 'titan_falls', sid: 2, eid: 20, x: 30, y: 40, score: 0.9 });
const kill = storyOf({ tid: NOW - 2, kind: 'first_kill', sid: 3, eid: 30, score: 0.5 });
const fight = storyOf({ tid: NOW, kind: 'fight', sid: 1, score: 1 });

test('the news tell the best first, each once, and nothing that merely goes on', () => {
  const told = new Set<string>();
  const order = [];
  for (;;) {
    const story = nextHeadline([fight, kill, fall], told, NOW, 0.2);
    if (story === null) break;
    order.push(story);
    told.add(`${story.kind} ${story.sid} ${story.eid} ${story.tid}`);
  }
  expect(order).toEqual([fall, kill]);
});

test('what matters little, or was long ago, is not told by itself', () => {
  expect(nextHeadline([{ ...kill, score: 0.1 }], new Set(), NOW, 0.2)).toBeNull();
  expect(nextHeadline([fall], new Set(), NOW + 200, 0.2)).toBeNull();
});

test('each filter shows its kinds; all shows every kind but fights, and one that is not known too', () => {
  const shown = (filter: (typeof NEWS_FILTERS)[number]): string[] =>
    ['titan_falls', 'first_kill', 'system_taken', 'grounded', 'birth', 'record', 'fight', 'eclipse'].filter(
      (kind) => isShown(storyOf({ kind }), filter),
    );
  expect(shown('falls')).toEqual(['titan_falls']);
  expect(shown('strategies')).toEqual(['grounded', 'birth']);
  expect(shown('all')).not.toContain('fight');
  expect(shown('all')).not.toContain('duel');
  expect(shown('all')).toContain('eclipse');
  for (const filter of NEWS_FILTERS) expect(shown(filter)).not.toEqual([]);
});

test('a line leads to the place in the turn, and leaves the list as it is', () => {
  const place = placeOf(fall, { ...MAP, turn: 3, sheet: 'help', news: 'falls', idleSeconds: 0 });
  expect(place).toMatchObject({ turn: NOW, sid: 2, sight: { x: 30.5, y: 40.5 }, isTouring: false });
  expect(writePlace(place)).toMatch(/^#\/system\/2\?turn=500&at=30.5,40.5,\d+&idle=0&news=falls$/);
  expect(readPlace(writePlace(place))).toEqual(place);
  // Without a place it leads to the map of that turn.
  expect(placeOf(storyOf({ kind: 'grounded', sid: null, eid: null }), place)).toMatchObject({
    sid: null,
    turn: 7,
  });
});

test('how long ago it was is said in seconds and minutes of the universe’s pace', () => {
  const ago = (turns: number, periodMs: number | null): string =>
    agoWords({ tid: 1000 - turns }, 1000, periodMs);
  expect([0, 1, 12, 99, 180].map((turns) => ago(turns, 1000))).toEqual([
    'now',
    '1 s ago',
    '12 s ago',
    '99 s ago',
    '3 min ago',
  ]);
  expect(ago(3, 50)).toBe('now');
  expect(ago(-1, 1000)).toBe('now');
  expect([ago(1, null), ago(5, null)]).toEqual(['1 turn ago', '5 turns ago']);
});

test('the list has what is told again once, as it was told last, so that the newest stays at the top', () => {
  const strongest = (tid: number) => storyOf({ tid, kind: 'strongest', sid: 9, eid: 90 });
  const list = [fall, strongest(NOW - 1), kill, strongest(NOW - 80), fight];
  expect(shownOf(list, 'all')).toEqual([fall, strongest(NOW - 1), kill]);
  expect(shownOf(list, 'records')).toEqual([strongest(NOW - 1)]);
});
