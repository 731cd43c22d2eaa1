import { expect, test } from 'vitest';
import { readPlan } from '../../src/view/plan';

const MEMORY = 'Memory[02, 01, 00, 00, 00, 00, FF]';

test('a move has a direction, in words and as an arrow, and a memory of seven bytes', () => {
  expect(readPlan(`Move(East, 3) ${MEMORY}`)).toEqual({
    act: 'move',
    dx: 3,
    dy: 0,
    words: 'Moves 3 cells east',
    memory: ['02', '01', '00', '00', '00', '00', 'FF'],
  });
  expect(readPlan(`Move(North, 1) ${MEMORY}`)).toMatchObject({ dx: 0, dy: -1, words: 'Moves 1 cell north' });
});

test('who does not move has no arrow', () => {
  expect(readPlan(`Hold() ${MEMORY}`)).toMatchObject({ act: 'hold', dx: 0, dy: 0, words: 'Holds its place' });
  expect(readPlan(`Upgrade(Blasters) ${MEMORY}`)).toMatchObject({
    act: 'upgrade',
    words: 'Upgrades its blasters',
  });
  expect(readPlan(`Invalid() ${MEMORY}`)?.act).toBe('invalid');
});

test('what is no plan is none', () => {
  for (const text of ['', 'Move', 'Move(East, 3', '…']) expect(readPlan(text)).toBeNull();
});
