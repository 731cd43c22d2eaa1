import { afterEach, describe, expect, test, vi } from 'vitest';
import { postQuery } from '../../src/source/request';
import { checkStrategy, uploadStrategy } from '../../src/source/upload';

const QUERY = { sql: 'select ? as a', args: [1], turn: null };

function answerWith(make: () => Response): ReturnType<typeof vi.fn> {
  const fetch = vi.fn(async () => make());
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

afterEach(() => vi.unstubAllGlobals());

describe('postQuery', () => {
  test('posts SQL and arguments, and reads the answer with its turn', async () => {
    const body = { results: [{ columns: [{ name: 'a', dataType: 'INTEGER' }], rows: [[1]] }] };
    const fetch = answerWith(() => Response.json(body, { headers: { 'Wasmverse-Turn': '12' } }));
    expect(await postQuery(QUERY)).toMatchObject({ turn: 12, rows: [[1]] });
    expect(fetch).toHaveBeenCalledWith(
      'api/v2/query/tuples',
      expect.objectContaining({ method: 'POST', body: '{"sql":"select ? as a","args":[1]}' }),
    );
  });

  test('names the turn that it is about', async () => {
    const body = { results: [{ columns: [{ name: 'a', dataType: 'INTEGER' }], rows: [[1]] }] };
    const fetch = answerWith(() => Response.json(body));
    await postQuery({ ...QUERY, turn: 9 });
    expect(fetch).toHaveBeenCalledWith(
      'api/v2/query/tuples',
      expect.objectContaining({ body: '{"sql":"select ? as a","args":[1],"turn":9}' }),
    );
  });

  test('a refusal carries the server’s words', async () => {
    answerWith(() => new Response('Error 1064: syntax error', { status: 400 }));
    await expect(postQuery(QUERY)).rejects.toMatchObject({ name: 'Refused', message: 'syntax error' });
  });

  test('no answer is Unreachable', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('Failed to fetch');
    });
    await expect(postQuery(QUERY)).rejects.toMatchObject({
      name: 'Unreachable',
      message: 'the server cannot be reached',
    });
  });

  test('an answer that comes too late is Unreachable, and says so', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new DOMException('signal timed out', 'TimeoutError');
    });
    await expect(postQuery(QUERY)).rejects.toMatchObject({
      name: 'Unreachable',
      message: 'no answer from the server within 20 s',
    });
  });

  test('an answer that breaks off is Unreachable', async () => {
    const body = new ReadableStream({
      start: (controller) => controller.error(new TypeError('network error')),
    });
    answerWith(() => new Response(body, { status: 200 }));
    await expect(postQuery(QUERY)).rejects.toMatchObject({ name: 'Unreachable' });
  });

  test('an answer that is not JSON is Unreadable', async () => {
    answerWith(() => new Response('<html>', { status: 200 }));
    await expect(postQuery(QUERY)).rejects.toMatchObject({ name: 'Unreadable' });
  });
});

test('an upload puts the module under its name, escaped', async () => {
  const fetch = answerWith(() => new Response('{}', { status: 201 }));
  const module = new Blob([new Uint8Array([0, 97, 115, 109])]);
  await uploadStrategy('a/b', module);
  expect(fetch).toHaveBeenCalledWith(
    'api/v1/strategies/a%2Fb',
    expect.objectContaining({ method: 'PUT', body: module, headers: { 'Content-Type': 'application/wasm' } }),
  );
});

test('what a check found is read, with its warnings', async () => {
  const trial = { calls: 100, plans: { hold: 20, move: 80 }, fuel_mean: 806, fuel_most: 2_000 };
  const strategies = [
    { name: 'a', version: 1, trial: { ...trial, warnings: [] } },
    { name: 'b', version: 3, trial: { ...trial, warnings: ['100 of 100 sampled calls were faults'] } },
  ];
  const fetch = answerWith(() => Response.json({ strategies, turn: 4 }));
  const module = new Blob(['x']);
  const found = { calls: 100, plans: { hold: 20, move: 80 }, fuel: 806, fuelMost: 2_000 };
  expect(await checkStrategy('a', module)).toEqual([
    { name: 'a', version: 1, ...found, warnings: [] },
    { name: 'b', version: 3, ...found, warnings: ['100 of 100 sampled calls were faults'] },
  ]);
  expect(fetch).toHaveBeenCalledWith(
    'api/v1/strategies/a/check',
    expect.objectContaining({ method: 'POST', body: module }),
  );
  answerWith(() => Response.json({}));
  await expect(checkStrategy('a', module)).rejects.toMatchObject({ name: 'Unreadable' });
  answerWith(() => new Response('<html>'));
  await expect(checkStrategy('a', module)).rejects.toMatchObject({ name: 'Unreadable' });
});
