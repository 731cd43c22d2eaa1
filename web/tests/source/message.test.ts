import { describe, expect, test } from 'vitest';
import { readMessage } from '../../src/source/message';

describe('readMessage', () => {
  test('reads a result with its turn', () => {
    const text =
      '{"id":3,"turn":12,"columns":[{"name":"a","dataType":"INT","nullable":false}],"rows":[[1],[2]]}';
    expect(readMessage(text)).toMatchObject({
      id: 3,
      outcome: { turn: 12, rows: [[1], [2]], columns: [{ name: 'a' }] },
    });
  });

  test('reads an error of a query, and one of no query', () => {
    const error = { code: 1146, message: "Table 'x' doesn't exist" };
    expect(readMessage(JSON.stringify({ id: 3, error }))).toMatchObject({
      id: 3,
      outcome: { name: 'Refused', code: '1146', message: error.message },
    });
    expect(readMessage(JSON.stringify({ id: null, error }))).toMatchObject({
      id: null,
      outcome: { name: 'Refused' },
    });
  });

  test.each([
    '',
    'pong',
    '7',
    'null',
    '{"id":3}',
    '{"id":3,"columns":[],"rows":7}',
  ])('takes %j as unreadable, without throwing', (text) => {
    expect(readMessage(text).outcome).toMatchObject({ name: 'Unreadable' });
  });
});
