/*
 * The page needs no more than this Content-Security-Policy, and makes no request to another host:
 *
 *     default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self';
 *     base-uri 'none'; form-action 'none'; frame-ancestors 'none'
 *
 * No `unsafe-eval`: src/scene/stage.ts imports Pixi's replacement for it. No `unsafe-inline`: styles that change are
 * set through the CSSOM. No `data:` or `blob:`: the build inlines nothing, and textures are drawn on canvases.
 */
import { Watch } from './director/watch';
import { Feed } from './feed/feed';
import { after } from './feed/supply';
import { listenToKeys } from './keys';
import { Bar } from './panel/bar';
import { byId } from './panel/element';
import { EntityPanel } from './panel/entity-panel';
import { greetFirstVisit } from './panel/first-visit';
import { Layers } from './panel/layers';
import { Minimap } from './panel/minimap';
import { Notice } from './panel/notice';
import { Sheets } from './panel/sheets';
import { SystemPanel } from './panel/system-panel';
import { Tips } from './panel/tips';
import { UniversePanel } from './panel/universe-panel';
import { tellWhereabouts } from './panel/whereabouts';
import { Address } from './place/address';
import type { Place } from './place/place';
import { Stage } from './scene/stage';
import { showEmbedded } from './share/embed';
import { Renewal, thisPage } from './share/renewal';
import { Share } from './share/share';
import { Sky } from './sky';
import { openLink } from './source/link';
import { postQuery } from './source/request';
import { takeToken } from './source/token';
import { Tracks } from './view/track';

/** Each part hears of the place from `address` and of the universe from `feed`; they know nothing of each other. */
async function open(): Promise<void> {
  const stage = await Stage.open(byId('sky'));
  const address = new Address();
  const feed = new Feed(address, { openLink, post: postQuery, after });
  new Notice(feed);
  tellWhereabouts(address);
  new Tips();
  const bar = new Bar(address, postQuery);
  new UniversePanel(byId('universe'), address, feed);
  const system = new SystemPanel(byId('system'), address, feed);
  // The panel fills the tracks, so it comes before the sky, which draws them.
  const tracks = new Tracks();
  new EntityPanel(byId('entity'), address, feed, tracks, postQuery);
  const sky = new Sky(stage, address, feed, tracks);
  const layers = new Layers(byId('layer-choice'), byId('layer-legend'), address, feed);
  new Minimap(byId('minimap'), address, feed);
  greetFirstVisit(address, feed, postQuery, sky);
  new Sheets(address, feed);
  const watch = new Watch(address, feed, sky, after);
  showEmbedded(address);
  stage.onLost(() => renewal.lose());
  feed.listen({
    onConnection: ({ state }) => renewal.connected(state === 'live' || state === 'past'),
    onFailure: () => undefined,
  });
  address.listen((place, from) => {
    renewal.keep(isForDays(place));
    // The tour is on its way from one visit to the next.
    if (place.sid === null && from !== null && from.sid !== null) renewal.rest();
  });
  const share = new Share(address, feed, stage);
  const time = import('./time/time-line').then(
    ({ TimeLine }) => new TimeLine(address, feed, { post: postQuery, after }).playback,
  );
  listenToKeys(address, sky, system, bar, layers, watch, share, time);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) feed.pause();
    else feed.resume();
  });
  feed.start();
  // The first picture does not wait for the news, and can do without them.
  import('./director/news').then(
    ({ News }) => new News(address, feed, after),
    () => {
      byId('news').hidden = true;
    },
  );
}

const isForDays = ({ isEmbedded, isTouring }: Place): boolean => isEmbedded && isTouring;

const renewal = new Renewal(thisPage(), after);
takeToken();
open().catch((error: unknown) => {
  const notice = byId('notice');
  notice.hidden = false;
  notice.textContent = `The sky cannot be drawn: ${error instanceof Error ? error.message : String(error)}. Wasmverse needs WebGL; allow hardware acceleration, or try another browser.`;
  if (isForDays(new Address().place)) renewal.lose();
  throw error;
});
