import { request } from './request';

/** Uploads a strategy: the one request of the page that is not SQL. Rejects with a `SourceFailure`. */
export async function uploadStrategy(name: string, module: Blob): Promise<void> {
  await request(`api/v1/strategies/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/wasm' },
    body: module,
  });
}

/** A name SQL can call: the file's name without its ending, all else turned to underscores. */
export function nameFrom(file: string): string {
  const name = file
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^\d/.test(name) ? `strategy_${name}` : name;
}
