import { expect, test } from 'vitest';
import { cellText, gridColumn, nextOrder, orderRows, tabbed, widthsOf } from '../../src/console/columns';
import type { Value } from '../../src/source/answer';

const column = (name: string, dataType: string) => gridColumn({ name, dataType });

test('cells of systems and entities lead there, and numbers are told from texts', () => {
  const columns = [
    column('sid', 'UNSIGNED INT'),
    column('killer_eid', 'BIGINT'),
    column('eid', 'VARCHAR'),
    column('energy', 'DECIMAL'),
    column('side', 'DOUBLE'),
  ];
  expect(columns.map(({ leads }) => leads)).toEqual(['sid', 'eid', null, null, null]);
  expect(columns.map(({ isNumber }) => isNumber)).toEqual([true, true, false, true, true]);
});

test('numbers sort as numbers, of 64 bits to the last digit; nulls come last; equal rows stay as they came', () => {
  const columns = [column('n', 'UNSIGNED BIGINT'), column('t', 'VARCHAR')];
  const rows: Value[][] = [
    ['18446744073709551614', 'b'],
    [null, 'a'],
    ['18446744073709551615', 'b'],
    ['9', null],
    ['10', 'a'],
  ];
  const order = (at: number, isDescending: boolean) => [
    ...orderRows(columns, rows, { column: at, isDescending }),
  ];
  expect(order(0, false)).toEqual([3, 4, 0, 2, 1]);
  expect(order(0, true)).toEqual([2, 0, 4, 3, 1]);
  expect(order(1, false)).toEqual([1, 4, 0, 2, 3]);
  expect([...orderRows(columns, rows, null)]).toEqual([0, 1, 2, 3, 4]);
});

test('clicks on a head sort one way, the other, and not at all', () => {
  const clicks = (its: ReturnType<typeof column>) => {
    const first = nextOrder(null, 0, its);
    const second = nextOrder(first, 0, its);
    return [first?.isDescending, second?.isDescending, nextOrder(second, 0, its)];
  };
  expect(clicks(column('n', 'BIGINT'))).toEqual([true, false, null]);
  expect(clicks(column('t', 'VARCHAR'))).toEqual([false, true, null]);
});

test('what is copied is what a spreadsheet reads', () => {
  expect(
    tabbed([
      ['a', 1, null],
      ['two\nlines', 'say "x"', { a: 1 }],
    ]),
  ).toBe('a\t1\t\n"two\nlines"\t"say ""x"""\t"{""a"":1}"');
  expect([null, true, 'x', { a: 1 }].map(cellText)).toEqual(['null', 'true', 'x', '{"a":1}']);
});

test('columns are as wide as what is in them, up to a bound', () => {
  const columns = [column('n', 'BIGINT'), column('a_long_name', 'VARCHAR'), column('t', 'VARCHAR')];
  expect(widthsOf(columns, [[1, 'x', 'y'.repeat(500)]])).toEqual([4, 14, 44]);
});
