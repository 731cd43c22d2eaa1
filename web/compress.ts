import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** Smaller files gain less than the two heads of a packet. */
const BYTES_MIN = 1_024;
const TEXT = /\.(?:js|css|html|svg|json)$/;

/**
 * Beside each file of text the same as `.br` and `.gz`, as small as either goes: it is done once, here, so that the
 * server has only to choose (`server/wasmverse/api/page.py`).
 */
export function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_options, bundle) {
      await Promise.all(
        Object.values(bundle).map(async (file) => {
          const source = Buffer.from(file.type === 'chunk' ? file.code : file.source);
          if (!TEXT.test(file.fileName) || source.length < BYTES_MIN) return;
          const params = { [constants.BROTLI_PARAM_SIZE_HINT]: source.length };
          const [br, gz] = await Promise.all([
            promisify(brotliCompress)(source, { params }),
            promisify(gzip)(source, { level: constants.Z_BEST_COMPRESSION }),
          ]);
          this.emitFile({ type: 'asset', fileName: `${file.fileName}.br`, source: br });
          this.emitFile({ type: 'asset', fileName: `${file.fileName}.gz`, source: gz });
        }),
      );
    },
  };
}
