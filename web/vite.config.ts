import { defineConfig } from 'vitest/config';
import { compressed } from './compress.ts';
import { pixelsInRem } from './rem.ts';

/**
 * The compiler asks for parts of Node.js where there are any, and does without in a browser; and that a plugin of ours takes the
 * time of the build is known.
 */
const rolldownOptions = {
  checks: { pluginTimings: false },
  onwarn: (warning: { message?: string }, warn: (warning: never) => void): void => {
    if (!warning.message?.includes('has been externalized for browser compatibility')) warn(warning as never);
  },
};

export default defineConfig({
  base: './',
  plugins: [compressed()],
  css: { postcss: { plugins: [pixelsInRem()] } },
  build: {
    outDir: '../server/wasmverse/page',
    emptyOutDir: true,
    target: 'es2022',
    // A data: address would need a wider Content-Security-Policy (see src/main.ts), so every asset stays a file.
    assetsInlineLimit: 0,
    // A sheet needs nothing but its own file and what is there already.
    modulePreload: false,
    chunkSizeWarningLimit: 900,
    rolldownOptions,
  },
  // The compiler is a module of its own, with `await` at its top.
  worker: { format: 'es', rolldownOptions },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8000', ws: true } } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
