import { download } from '../panel/download';
import { Unreachable } from '../source/failure';
import { type Query, request } from '../source/request';

export type FileKind = 'csv' | 'arrow';

const TYPES: Readonly<Record<FileKind, string>> = {
  csv: 'text/csv',
  arrow: 'application/vnd.apache.arrow.stream',
};

/**
 * Asks again for a result, in a format of the server's own, and hands it to the person as a file. It goes from the
 * network to the browser's own storage; the page reads none of it. Rejects with a `SourceFailure`.
 */
export async function saveResult(query: Query, kind: FileKind): Promise<{ isCut: boolean }> {
  const { sql, args, turn } = query;
  const response = await request('api/v2/query/tuples', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: TYPES[kind] },
    body: JSON.stringify(turn === null ? { sql, args } : { sql, args, turn }),
  });
  const file = await response.blob().catch(() => {
    throw new Unreachable('the file broke off');
  });
  const name = `wasmverse-turn-${response.headers.get('Wasmverse-Turn') ?? 'newest'}.${kind}`;
  download(file, name);
  return { isCut: response.headers.has('Wasmverse-Truncated') };
}
