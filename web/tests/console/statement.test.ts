import { expect, test } from 'vitest';
import { placeOf } from '../../src/console/fault-place';
import { holesIn, readArgument, readArguments, typedArgument, unclosedAt } from '../../src/console/statement';

test('question marks are arguments only where SQL reads them so', () => {
  const sql = `select ?, '?', "?", 'it''s ?', $$ ? $$, $a$ ? $a$ -- ?\n, ? /* ? */ from t where a = ?`;
  expect(holesIn(sql).map((at) => sql.slice(at - 2, at + 1))).toEqual(['t ?', ', ?', '= ?']);
  expect(holesIn("select '? and no end")).toEqual([]);
});

test('an argument is JSON where it is JSON, and comes back as it was typed', () => {
  expect(['7', 'null', '[1, 2]', 'strategy_flee', '"7"', ''].map(readArgument)).toEqual([
    7,
    null,
    [1, 2],
    'strategy_flee',
    '7',
    '',
  ]);
  for (const value of [7, null, [1, 'a'], 'strategy_flee', '7', 'null', '', { a: 1 }])
    expect(readArgument(typedArgument(value))).toEqual(value);
  expect([readArguments('[1,"a"]'), readArguments('{"a":1}'), readArguments('7 8')]).toEqual([
    [1, 'a'],
    null,
    null,
  ]);
});

test('a text that never ends is found', () => {
  expect(unclosedAt("select 'a''b', 'c")).toBe(15);
  expect(unclosedAt('select \'a\', "b"')).toBeNull();
});

/** The part of the statement that is marked. */
function marked(message: string, sql: string): string | null {
  const place = placeOf(message, sql);
  return place === null ? null : sql.slice(place.from, place.to);
}

test('an error is marked at the line and token that the server names', () => {
  const sql = 'select sid,\n  sid sid from\nentity';
  const message = `You have an error in your SQL syntax; syntax error at or near "sid" in line 2, near '  sid sid from'`;
  expect(placeOf(message, sql)).toEqual({ from: 18, to: 21 });
  const whole = "You have an error in your SQL syntax; syntax error in line 2, near 'sid sid from'";
  expect(marked(whole, sql)).toBe('sid sid from');
  expect(marked("… unterminated string literal in line 1, near '…'", "select 1, 'abc")).toBe("'abc");
});

test('an error is marked at what it is about, outside of texts and comments', () => {
  const cases = [
    ["Unknown column 'foo' in 'field list'. …", "select 'foo', a.foo -- foo\nfrom a", 'foo'],
    ["Table 'game.nowhere' doesn't exist; there are …", 'select * from nowhere', 'nowhere'],
    ['FUNCTION game.nope does not exist. …', 'select nope, nope (1)', 'nope'],
    ['FUNCTION root failed in row 3, (-2.0): no root', 'select root(x)', 'root'],
    ["Function 'checkpoint' is denied: …", 'select 1, CHECKPOINT()', 'CHECKPOINT'],
    ['Could not choose … for the function call "abs(STRING_LITERAL)".', "select abs('x')", 'abs'],
    ['column "sid" must appear in the GROUP BY clause …', 'select sid from entity', 'sid'],
    ["Could not convert string 'x' to INT32", "select x, 'x'::int", "'x'"],
    ["Unknown column 'a b' in 'field list'.", 'select "a b"', '"a b"'],
  ];
  for (const [message = '', sql = '', expected] of cases)
    expect(marked(message, sql), message).toBe(expected);
  expect(placeOf("Unknown column 'foo' in 'field list'. …", "select 'foo', a.foo")?.from).toBe(16);
  expect(placeOf('FUNCTION game.nope does not exist.', 'select nope, nope (1)')?.from).toBe(13);
  expect(placeOf('Out of memory: the query needs more', 'select 1')).toBeNull();
  expect(placeOf("Unknown column 'gone' in 'field list'.", 'select 1')).toBeNull();
});
