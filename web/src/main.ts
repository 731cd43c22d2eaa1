/*
 * The page needs no more than this Content-Security-Policy, and makes no request to another host:
 *
 *     default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self';
 *     base-uri 'none'; form-action 'none'; frame-ancestors 'none'
 *
 * No `unsafe-eval`: src/scene/stage.ts imports Pixi's replacement for it. No `unsafe-inline`: styles that change are
 * set through the CSSOM. No `data:` or `blob:`: the build inlines nothing, and textures are drawn on canvases.
 */
import { Page } from './page';
import { byId } from './panel/element';
import { takeToken } from './source/token';

takeToken();
Page.open().catch((error: unknown) => {
  const notice = byId('notice');
  notice.hidden = false;
  notice.textContent = `The sky cannot be drawn: ${error instanceof Error ? error.message : String(error)}. Wasmverse needs WebGL; allow hardware acceleration, or try another browser.`;
  throw error;
});
