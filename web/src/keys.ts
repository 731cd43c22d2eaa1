import type { Watch } from './director/watch';
import type { Bar } from './panel/bar';
import type { Layers } from './panel/layers';
import type { SystemPanel } from './panel/system-panel';
import type { Address } from './place/address';
import { backFrom, TO_LIVE } from './place/step';
import type { Share } from './share/share';
import type { Sky } from './sky';
import type { Playback } from './time/playback';
import type { Direction } from './view/star-walk';

const PAN_PIXELS = 70;
const ZOOM_STEP = 1.35;
const TURNS_FAR = 10;
/** With Shift, arrows lead over the map from star to star; south is down. */
const WAYS: Readonly<Record<string, Direction>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/**
 * What the keyboard can do; each key is listed in the help sheet. Keys work wherever the focus is, except where they
 * write; Escape works there too.
 */
export function listenToKeys(
  address: Address,
  sky: Pick<Sky, 'pan' | 'zoom' | 'seeAll' | 'enterMiddle' | 'stepStar' | 'stepToward'>,
  system: Pick<SystemPanel, 'step' | 'nearestOther'>,
  bar: Pick<Bar, 'search'>,
  layers: Pick<Layers, 'next'>,
  watch: Pick<Watch, 'toggle'>,
  share: Pick<Share, 'toggle' | 'toggleSound' | 'close'>,
  time: Promise<Pick<Playback, 'toggle' | 'step' | 'faster' | 'replay'>>,
): void {
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => sky.pan(PAN_PIXELS, 0),
    ArrowRight: () => sky.pan(-PAN_PIXELS, 0),
    ArrowUp: () => sky.pan(0, PAN_PIXELS),
    ArrowDown: () => sky.pan(0, -PAN_PIXELS),
    '+': () => sky.zoom(ZOOM_STEP),
    '=': () => sky.zoom(ZOOM_STEP),
    '-': () => sky.zoom(1 / ZOOM_STEP),
    0: () => sky.seeAll(),
    '/': () => bar.search(),
    n: () => (address.place.sid === null ? sky.stepStar(1) : system.step(1)),
    p: () => (address.place.sid === null ? sky.stepStar(-1) : system.step(-1)),
    e: () => system.nearestOther(),
    f: () => {
      const { eid, isFollowing } = address.place;
      if (eid === null) address.go({ sheet: 'fame' });
      else address.go({ isFollowing: !isFollowing });
    },
    ' ': () => void time.then((playback) => playback.toggle()),
    ',': () => void time.then((playback) => playback.step(-1)),
    '.': () => void time.then((playback) => playback.step(1)),
    '[': () => void time.then((playback) => playback.step(-TURNS_FAR)),
    ']': () => void time.then((playback) => playback.step(TURNS_FAR)),
    '<': () => void time.then((playback) => playback.faster(-1)),
    '>': () => void time.then((playback) => playback.faster(1)),
    b: () => void time.then((playback) => playback.replay()),
    w: () => watch.toggle(),
    x: () => share.toggle(),
    m: () => share.toggleSound(),
    h: () => layers.next(),
    l: () => address.go(TO_LIVE),
    s: () => address.go({ sheet: 'strategies' }),
    c: () => address.go({ sheet: 'console' }),
    a: () => address.go({ sheet: 'write' }),
    '?': () => address.go({ sheet: 'help' }),
  };
  document.addEventListener('keydown', (event) => {
    // A key that a list of completions or an editor has taken is theirs alone.
    if (event.defaultPrevented) return;
    if (event.key === 'Escape' && address.place.isTouring) {
      watch.toggle();
      return;
    }
    if (event.key === 'Escape' && share.close()) return;
    if (event.key === 'Escape') {
      const step = backFrom(address.place);
      if (step === null) sky.seeAll();
      else address.go(step);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLElement)) return;
    if (event.target.closest('input, textarea, select, .editor, [tabindex="0"]:not(#sky)') !== null) return;
    if (event.key === 'Enter') {
      // On a button Enter presses it.
      if (event.target.closest('button, a') === null) sky.enterMiddle();
      return;
    }
    // Space presses the button that has the focus.
    if (event.key === ' ' && event.target.closest('button, a') !== null) return;
    const way = event.shiftKey && address.place.sid === null ? WAYS[event.key] : undefined;
    const action = way === undefined ? keys[event.key] : () => sky.stepToward(way);
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
