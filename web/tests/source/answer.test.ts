import { describe, expect, test } from 'vitest';
import { readAnswer, readRows } from '../../src/source/answer';
import { answerOf } from '../build';

const BODY = {
  results: [
    {
      columns: [
        { name: 'eid', dataType: 'BIGINT', nullable: false },
        { name: 'plan', dataType: 'VARCHAR' },
      ],
      rows: [
        [1, 'Hold'],
        [2, null],
      ],
    },
  ],
};

describe('readAnswer', () => {
  test('reads columns, rows and the turn of the header', () => {
    const answer = readAnswer(BODY, '41', 'rows');
    expect(answer.turn).toBe(41);
    expect(answer.cut).toBe('rows');
    expect(answer.columns.map((column) => column.name)).toEqual(['eid', 'plan']);
    expect(answer.rows).toEqual([
      [1, 'Hold'],
      [2, null],
    ]);
  });

  test('an answer without a turn says so', () => {
    expect(readAnswer(BODY, null, null).turn).toBeNull();
    expect(readAnswer(BODY, 'soon', null).turn).toBeNull();
  });

  test('an error after the rows began is a refusal, although the status was 200', () => {
    const body = { results: [], error: { code: 1146, message: 'no such table' } };
    expect(() => readAnswer(body, '1', null)).toThrow(
      expect.objectContaining({ name: 'Refused', code: '1146', message: 'no such table' }),
    );
  });

  test.each([
    [null],
    [[]],
    [{}],
    [{ results: [] }],
    [{ results: [{ rows: [] }] }],
    [{ results: [{ columns: [{}], rows: [] }] }],
  ])('refuses %j as unreadable', (body) => {
    expect(() => readAnswer(body, '1', null)).toThrow(expect.objectContaining({ name: 'Unreadable' }));
  });
});

describe('readRows', () => {
  test('reads by name and type', () => {
    const answer = answerOf([{ eid: 4, name: 'a', late: 1, plan: null, fault: null }]);
    const read = readRows(answer, (row) => [
      row.number('eid'),
      row.text('name'),
      row.boolean('late'),
      row.textOrNull('plan'),
      row.numberOrNull('fault'),
    ]);
    expect(read).toEqual([[4, 'a', true, null, null]]);
  });

  test('names the column that is missing or of another type', () => {
    const answer = answerOf([{ eid: '4' }]);
    expect(() => readRows(answer, (row) => row.number('eid'))).toThrow(/eid .*"4".*not a number/);
    expect(() => readRows(answer, (row) => row.number('sid'))).toThrow(/no column sid/);
    expect(() => readRows(answer, (row) => row.boolean('eid'))).toThrow(/not 0 or 1/);
    expect(() => readRows(answerOf([{ eid: 4 }]), (row) => row.text('eid'))).toThrow(/not text/);
  });
});
