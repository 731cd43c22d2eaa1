import { describe, expect, test } from 'vitest';
import { failureOf, Refused } from '../../src/source/failure';

describe('failureOf', () => {
  test('reads the bare line of the query endpoint', () => {
    const failure = failureOf(400, "Error 1146: Table 'game.bad' doesn't exist\n");
    expect(failure).toBeInstanceOf(Refused);
    expect(failure).toMatchObject({ code: '1146', message: "Table 'game.bad' doesn't exist", status: 400 });
  });

  test('reads the JSON of an upload, word for word', () => {
    const message = "strategy 'x' imports env.now; a strategy may import nothing: remove the import";
    const failure = failureOf(422, JSON.stringify({ error: { code: 'forbidden_import', message } }));
    expect(failure).toMatchObject({ name: 'Refused', code: 'forbidden_import', message });
  });

  test.each([
    [
      { kind: 'import', module: 'env', name: 'now' },
      { kind: 'import', module: 'env', name: 'now' },
    ],
    [
      { kind: 'export', name: 'decide' },
      { kind: 'export', name: 'decide' },
    ],
    [
      { kind: 'function', index: 7 },
      { kind: 'function', index: 7 },
    ],
    [{ kind: 'import', name: 'now' }, null],
    [{ kind: 'function', index: '7' }, null],
    ['decide', null],
    [undefined, null],
  ])('reads the place in a module, if it is one: %j', (said, place) => {
    const failure = failureOf(422, JSON.stringify({ error: { code: 1105, message: 'no', place: said } }));
    expect(failure).toMatchObject({ name: 'Refused', message: 'no', place });
  });

  test('keeps the text of anything else, and never answers with nothing', () => {
    expect(failureOf(500, '<h1>oh</h1>').message).toBe('<h1>oh</h1>');
    expect(failureOf(400, '{"detail": 1}').message).toBe('{"detail": 1}');
    expect(failureOf(400, '{broken').message).toBe('{broken');
    expect(failureOf(418, '').message).toContain('418');
  });

  test.each([408, 429, 502, 503, 504])('status %i means ask again later', (status) => {
    expect(failureOf(status, 'Error 1040: busy')).toMatchObject({
      name: 'Busy',
      status,
    });
  });
});
