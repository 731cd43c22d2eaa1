import type { Frame } from './camera';

const EDGE = 16;
/** On a window as low as a phone that lies, a panel of one line is a bar, however much of the width it leaves. */
const LOW = 520;
const LINE = 64;

/**
 * The part of the window that no panel covers, so that the picture's middle is where the eye finds it free.
 * On a narrow window panels lie above and below the picture, on a wide one beside it.
 */
export function freeFrame(window: { width: number; height: number }, panels: readonly DOMRect[]): Frame {
  let left = EDGE;
  let right = window.width - EDGE;
  let top = EDGE;
  let bottom = window.height - EDGE;
  for (const panel of panels) {
    if (panel.width === 0 || panel.height === 0) continue;
    const isStrip = window.height <= LOW && panel.height <= LINE;
    if (panel.width > window.width * 0.6 || isStrip) {
      // A bar: above or below.
      if (panel.top + panel.height / 2 < window.height / 2) top = Math.max(top, panel.bottom + EDGE);
      else bottom = Math.min(bottom, panel.top - EDGE);
    } else if (panel.left + panel.width / 2 < window.width / 2) left = Math.max(left, panel.right + EDGE);
    else right = Math.min(right, panel.left - EDGE);
  }
  // Where panels leave nothing, the picture lies under them.
  if (right - left < 80) [left, right] = [EDGE, window.width - EDGE];
  if (bottom - top < 80) [top, bottom] = [EDGE, window.height - EDGE];
  return { left, top, width: right - left, height: bottom - top };
}
