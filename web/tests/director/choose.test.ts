import { expect, test } from 'vitest';
import { chooseStory, identityOf, worthOf } from '../../src/director/choose';
import { storyOf } from '../build';

const NOW = 1000;
const fight = storyOf({ tid: NOW, kind: 'fight', sid: 1, eid: null, score: 0.5 });
const fall = storyOf({ tid: NOW, kind: 'titan_falls', sid: 2, eid: 20, score: 0.9 });
const birth = storyOf({ tid: NOW, kind: 'birth', sid: 3, eid: 30, score: 0.4 });

test('what is rarest comes first', () => {
  expect(chooseStory([fight, fall, birth], [], NOW)).toBe(fall);
  expect(chooseStory([], [], NOW)).toBeNull();
});

test('what is long over is no news; what stands stays worth a visit for longer than a fight', () => {
  expect(worthOf(fight, NOW)).toBe(0.5);
  expect(worthOf(fight, NOW + 6)).toBeCloseTo(0.25);
  expect(worthOf({ ...fight, kind: 'record' }, NOW + 6)).toBeGreaterThan(0.45);
  // The page may hear of a story before it hears of its turn.
  expect(worthOf(fight, NOW - 1)).toBe(0.5);
  expect(chooseStory([fight], [], NOW + 30)).toBeNull();
});

test('nothing is told twice, except, after ten other visits, what goes on', () => {
  expect(chooseStory([fall], [fall, birth], NOW)).toBeNull();
  const others = Array.from({ length: 9 }, (_, i) => storyOf({ kind: 'birth', sid: 100 + i, eid: i }));
  expect(chooseStory([fight], [fight, ...others], NOW)).toBeNull();
  expect(chooseStory([fight], [fight, ...others, birth], NOW)).toBe(fight);
  expect(chooseStory([fall], [fall, ...others, birth], NOW)).toBeNull();
});

test('the same fight, and the same strong ship, is the same story each turn; a record is a new one', () => {
  expect(identityOf({ ...fight, tid: 7 })).toBe(identityOf(fight));
  const strongest = storyOf({ kind: 'strongest', eid: 9, sid: 5 });
  expect(identityOf({ ...strongest, sid: 6, tid: 3 })).toBe(identityOf(strongest));
  expect(identityOf(storyOf({ kind: 'record', tid: 1 }))).not.toBe(
    identityOf(storyOf({ kind: 'record', tid: 2 })),
  );
});

test('neither the kind of the visit before comes again, nor one of the last places', () => {
  const elsewhere = { ...fight, sid: 9 };
  expect(chooseStory([elsewhere], [fight], NOW)).toBeNull();
  expect(chooseStory([elsewhere, birth], [fight], NOW)).toBe(birth);
  expect(chooseStory([{ ...birth, sid: 1, eid: 31 }], [fight], NOW)).toBeNull();
});

test('who was shown lately gives way to who was not', () => {
  const visited = [
    storyOf({ kind: 'birth', strategy: 'hunter', sid: 50 }),
    storyOf({ kind: 'record', strategy: 'hunter', sid: 51, eid: 2 }),
  ];
  const again = storyOf({ tid: NOW, kind: 'fight', strategy: 'hunter', sid: 60, score: 0.5 });
  const other = storyOf({ tid: NOW, kind: 'fight', strategy: 'farmer', sid: 61, score: 0.4 });
  expect(chooseStory([again, other], [], NOW)).toBe(again);
  expect(chooseStory([again, other], visited, NOW)).toBe(other);
});

test('stories of the whole universe are no place: one may follow another of another kind', () => {
  const grounded = storyOf({ tid: NOW, kind: 'grounded', sid: null, eid: null });
  const record = storyOf({ tid: NOW, kind: 'record', sid: null, eid: null });
  expect(chooseStory([record], [grounded], NOW)).toBe(record);
});
