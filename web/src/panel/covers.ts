import type { Frame } from '../view/camera';
import { freeFrame } from '../view/layout';

/** What lies over the sky and takes room from it. */
const COVERS = '.bar, .inspector, .universe, .sheet, .time';

/** The part of the window that nothing covers. */
export function freeSky(): Frame {
  const covers = [...document.querySelectorAll(COVERS)].map((cover) => cover.getBoundingClientRect());
  return freeFrame({ width: window.innerWidth, height: window.innerHeight }, covers);
}

/** Panels open, close and grow. */
export function onCoversChange(action: () => void): void {
  const covers = new ResizeObserver(action);
  for (const cover of document.querySelectorAll(COVERS)) covers.observe(cover);
}
