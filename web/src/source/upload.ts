import { request } from './request';

/** Uploads a strategy: the one request of the page that is not SQL. Rejects with a `SourceFailure`. */
export async function uploadStrategy(name: string, module: Blob): Promise<void> {
  await request(`api/v1/strategies/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/wasm' },
    body: module,
  });
}
