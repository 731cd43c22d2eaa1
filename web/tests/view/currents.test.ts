import { expect, test } from 'vitest';
import { currentsOf, neighbours, type Pair } from '../../src/view/currents';
import { StarField } from '../../src/view/star-field';

const field = new StarField(
  Array.from({ length: 100 }, (_, sid) => ({
    sid,
    x: 100 + (sid % 10) * 20,
    y: 100 + Math.floor(sid / 10) * 20,
  })),
);

function all(): Pair[] {
  const work = neighbours(field);
  let steps = 0;
  for (;;) {
    const step = work.next();
    steps += 1;
    if (step.done === true) {
      expect(steps).toBeGreaterThan(2);
      return step.value;
    }
  }
}

test('every star has its neighbours, and each pair is there once', () => {
  const pairs = all();
  expect(new Set(pairs.map(String)).size).toBe(pairs.length);
  expect(new Set(pairs.flat()).size).toBe(100);
  for (const [one, two] of pairs) {
    const [a, b] = [field.stars[one], field.stars[two]];
    expect(Math.hypot((a?.at.x ?? 0) - (b?.at.x ?? 999), (a?.at.y ?? 0) - (b?.at.y ?? 999))).toBeLessThan(32);
  }
});

test('a current runs from rich to poor, within what one strategy leads', () => {
  const powers = new Map([
    [0, { leader: 'a', energy: 10 }],
    [1, { leader: 'a', energy: 100 }],
    [2, { leader: 'b', energy: 500 }],
  ]);
  const { ends, shine, count } = currentsOf(
    [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
    field.stars,
    powers,
    () => 0x123456,
  );
  expect(count).toBe(1);
  const [poor, rich] = [field.stars[0]?.at, field.stars[1]?.at];
  expect([...ends].map(Math.fround)).toEqual(
    [rich?.x, rich?.y, poor?.x, poor?.y].map((value) => Math.fround(value ?? 0)),
  );
  expect([...shine.subarray(0, 3)]).toEqual([0x12, 0x34, 0x56]);
  expect(shine[3]).toBeGreaterThan(200);
});
