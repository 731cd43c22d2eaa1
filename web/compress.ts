import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** The compiler of strategies has megabytes: the last twentieth of its size would take a minute. */
const BYTES_QUICK = 4_000_000;
const QUICK = 9;
/** Smaller files gain less than the two heads of a packet. */
const BYTES_MIN = 1_024;
const TEXT = /\.(?:js|css|html|svg|json)$/;

/**
 * Beside each file of text the same as `.br` and `.gz`, as small as either goes: it is done once, here, so that the
 * server has only to choose (`server/wasmverse/api/page.py`). The files are read when they are written: until then other
 * plugins change them.
 */
export function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    async writeBundle({ dir }, bundle) {
      if (dir === undefined) throw new Error('the build has no folder to write to');
      const files = Object.keys(bundle).filter((name) => TEXT.test(name));
      await Promise.all(files.map((name) => compress(join(dir, name))));
    },
  };
}

async function compress(path: string): Promise<void> {
  const source = await readFile(path);
  if (source.length < BYTES_MIN) return;
  const quality = source.length < BYTES_QUICK ? constants.BROTLI_MAX_QUALITY : QUICK;
  const params = {
    [constants.BROTLI_PARAM_SIZE_HINT]: source.length,
    [constants.BROTLI_PARAM_QUALITY]: quality,
  };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(source, { params }));
  await writeFile(`${path}.gz`, await promisify(gzip)(source, { level: constants.Z_BEST_COMPRESSION }));
}
