import { expect, test } from 'vitest';
import { type Plot, plotOf } from '../../src/console/plot';
import type { Answer, Value } from '../../src/source/answer';

function answer(columns: Readonly<Record<string, string>>, rows: readonly Value[][]): Answer {
  return {
    turn: 7,
    cut: null,
    columns: Object.entries(columns).map(([name, dataType]) => ({ name, dataType })),
    rows,
  };
}

function drawn(its: Answer): Plot {
  const plot = plotOf(its);
  if (typeof plot === 'string') throw new Error(plot);
  return plot;
}

test('over turns, a line for each strategy, in the order of their sums', () => {
  const plot = drawn(
    answer({ tid: 'BIGINT', strategy: 'VARCHAR', energy: 'DECIMAL', ships: 'BIGINT' }, [
      ['2', 'a', '5', 1],
      ['1', 'a', '4', 1],
      ['1', 'b', '9', 1],
    ]),
  );
  expect(plot).toMatchObject({ kind: 'lines', xName: 'tid', x: [1, 2], seriesName: 'strategy' });
  expect(plot.series).toEqual([
    { name: 'a', values: [4, 5] },
    { name: 'b', values: [9, null] },
  ]);
});

test('over turns or times, a line for each measure', () => {
  const turns = drawn(
    answer({ ships: 'BIGINT', tid: 'BIGINT', late: 'TINYINT' }, [
      [5, 2, 0],
      [4, 1, 0],
    ]),
  );
  expect(turns).toMatchObject({ kind: 'lines', x: [1, 2], isTime: false });
  expect(turns.series.map(({ name, values }) => [name, values])).toEqual([
    ['ships', [4, 5]],
    ['late', [0, 0]],
  ]);
  const times = drawn(answer({ at: 'DATETIME', n: 'INT' }, [['1970-01-01 00:01:00.000000', 3]]));
  expect(times).toMatchObject({ isTime: true, x: [60] });
});

test('over names, bars of the first measure; ids are names, not measures', () => {
  const ships = drawn(
    answer({ eid: 'BIGINT', sid: 'INT', strategy: 'VARCHAR', energy: 'INT' }, [[1, 2, 'a', 9]]),
  );
  expect(ships).toMatchObject({ kind: 'bars', xName: 'strategy', labels: ['a'] });
  expect(ships.series).toEqual([{ name: 'energy', values: [9] }]);
  const systems = drawn(
    answer({ sid: 'INT', ships: 'BIGINT' }, [
      [7, 3],
      [9, 1],
    ]),
  );
  expect(systems).toMatchObject({ kind: 'bars', xName: 'sid', labels: ['7', '9'] });
});

test('of two measures, points; of one, a line over the rows', () => {
  expect(
    drawn(
      answer({ energy: 'INT', blasters: 'INT' }, [
        [9, 1],
        [3, 2],
      ]),
    ),
  ).toMatchObject({
    kind: 'points',
    x: [3, 9],
  });
  expect(drawn(answer({ energy: 'INT' }, [[9], [3]]))).toMatchObject({ xName: 'row', x: [1, 2] });
});

test('what cannot be drawn is said in words', () => {
  expect(plotOf(answer({ a: 'INT' }, []))).toMatch(/no rows/);
  expect(plotOf(answer({ a: 'VARCHAR' }, [['x']]))).toMatch(/column of numbers/);
});
