import { listenToKeys } from './keys';
import { ConsoleSheet } from './panel/console-sheet';
import { byId, write } from './panel/element';
import { EntityPanel } from './panel/entity-panel';
import { fillHelp } from './panel/help-sheet';
import { hoverText } from './panel/hover';
import { freeFrame } from './panel/layout';
import { Notice } from './panel/notice';
import { Sheets } from './panel/sheets';
import { StrategiesSheet } from './panel/strategies-sheet';
import { SystemPanel, stepped } from './panel/system-panel';
import { Tooltip } from './panel/tooltip';
import { UniversePanel } from './panel/universe-panel';
import { Address } from './place/address';
import type { Place, Sheet } from './place/place';
import { Stage } from './scene/stage';
import { World } from './scene/world';
import { openLink } from './source/link';
import { postQuery } from './source/request';
import { Source } from './source/source';
import { uploadStrategy } from './source/upload';
import type { SystemState } from './sql/system';
import type { SystemPlace, SystemSummary } from './sql/systems';
import { Watches } from './watches';

const CALM = window.matchMedia('(prefers-reduced-motion: reduce)');
/** What lies over the sky and takes room from it. */
const COVERS = '.bar, .inspector, .universe, .sheet';

/** Joins the parts: the address says what is in view, SQL says what is there, scenes and panels show it. */
export class Page {
  private readonly tooltip = new Tooltip();
  private readonly notice = new Notice();
  private readonly universe = new UniversePanel(byId('universe'));
  private readonly system: SystemPanel;
  private readonly entity: EntityPanel;
  private readonly sheets: Sheets;
  private readonly strategies: StrategiesSheet;
  private readonly console: ConsoleSheet;
  private readonly address: Address;
  private readonly source: Source;
  private readonly watches: Watches;
  private readonly world: World;
  private state: SystemState | null = null;
  private summaries = new Map<number, SystemSummary>();
  private hasPlaces = false;

  private constructor(stage: Stage) {
    this.address = new Address((place, from) => this.arrive(place, from));
    this.source = new Source(openLink, postQuery, after, {
      onTurns: (turns) => {
        this.universe.showTurns(turns);
        this.watches.turn(turns[0]?.tid ?? 0);
      },
      onConnection: (connection) => {
        this.notice.show(connection);
        if (connection.state === 'live') this.watches.begin();
      },
    });
    this.system = new SystemPanel(byId('system'), {
      onLeave: () => this.leave(),
      onStep: (step) => this.step(step),
    });
    this.entity = new EntityPanel(byId('entity'), {
      onFollow: (isFollowing) => this.address.go({ isFollowing }),
      onClose: () => this.select(null),
    });
    this.sheets = new Sheets((sheet) => this.address.go({ sheet }));
    this.strategies = new StrategiesSheet(this.sheets.body('strategies'), uploadStrategy);
    this.console = new ConsoleSheet(
      this.sheets.body('console'),
      (query) => this.source.ask(query),
      (sql) => this.address.adjust({ sql }),
    );
    fillHelp(this.sheets.body('help'));
    this.watches = new Watches(this.source, {
      onPlaces: (places) => this.showPlaces(places),
      onStandings: (standings) => this.universe.showStandings(standings),
      onStrategies: (strategies) => this.strategies.show(strategies),
      onSummaries: (summaries) => this.summarise(summaries),
      onNews: (news) => this.world.flash(news, this.source.periodMs),
      onSystem: (sid, state) => this.showSystem(sid, state),
      onFailure: (failure) => this.notice.showFailure(failure),
    });
    this.world = new World(stage, byId('sky'), currentFrame, () => CALM.matches, {
      onSystem: (sid) => this.enter(sid),
      onEntity: (eid) => this.select(eid),
      onHover: (found, pixel) => {
        if (found === null) this.tooltip.hide();
        else this.tooltip.show(hoverText(found, this.summaries), pixel);
      },
      onSight: (sight) => this.address.adjust({ sight }),
      onUnfollow: () => {
        this.address.adjust({ isFollowing: false });
        this.entity.open(this.address.place.eid, false);
        this.world.select(this.address.place.eid, false);
      },
      onLeave: () => this.leave(),
    });
    this.listen();
  }

  static async open(): Promise<void> {
    const page = new Page(await Stage.open(byId('sky')));
    page.arrive(page.address.place, null);
    page.source.start();
  }

  private listen(): void {
    byId('zoom-in').addEventListener('click', () => this.world.zoom(1.6, null));
    byId('zoom-out').addEventListener('click', () => this.world.zoom(1 / 1.6, null));
    byId('zoom-all').addEventListener('click', () => this.world.seeAll());
    const search = byId('search-sid') as HTMLInputElement;
    byId('search').addEventListener('submit', (event) => {
      event.preventDefault();
      const sid = /^\s*(\d+)\s*$/.exec(search.value)?.[1];
      search.setAttribute('aria-invalid', String(sid === undefined));
      if (sid === undefined) return;
      search.value = '';
      search.blur();
      this.enter(Number(sid));
    });
    listenToKeys({
      onBack: () => this.back(),
      onPan: (dx, dy) => this.world.pan(dx, dy),
      onZoom: (factor) => this.world.zoom(factor, null),
      onSeeAll: () => this.world.seeAll(),
      onSearch: () => search.focus(),
      onEnter: () => {
        const place = this.address.place.sid === null ? this.world.middle() : null;
        if (place !== null) this.enter(place.sid);
      },
      onStep: (step) => this.step(step),
      onFollow: () => {
        if (this.address.place.eid !== null)
          this.address.go({ isFollowing: !this.address.place.isFollowing });
      },
      onSheet: (sheet: Sheet) => this.address.go({ sheet }),
    });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.source.pause();
      else this.source.resume();
    });
    // Panels open, close and grow: the picture makes room.
    const covers = new ResizeObserver(() => this.world.reframe());
    for (const cover of document.querySelectorAll(COVERS)) covers.observe(cover);
  }

  private arrive(place: Place, from: Place | null): void {
    const isElsewhere = from === null || place.sid !== from.sid;
    if (isElsewhere) {
      this.state = null;
      this.system.open(place.sid);
      this.tooltip.hide();
      const where = place.sid === null ? 'Map of the universe' : `System ${place.sid}`;
      document.title = place.sid === null ? 'Wasmverse' : `System ${place.sid} · Wasmverse`;
      byId('sky').setAttribute('aria-label', where);
      write(byId('where'), where);
    }
    this.entity.open(place.eid, place.isFollowing);
    if (this.state !== null && place.eid !== null) this.entity.show(this.state, place.eid);
    this.world.select(place.eid, place.isFollowing);
    this.sheets.open(place.sheet);
    if (place.sheet === 'console') this.console.open(place.sql);
    this.watches.attend(place);
    const isOtherSight = from !== null && JSON.stringify(place.sight) !== JSON.stringify(from.sight);
    if (isElsewhere || isOtherSight) this.travel(place, from === null);
  }

  private travel(place: Place, isAtOnce: boolean): void {
    // The stars are not there yet: `showPlaces` comes back to this.
    if (!this.hasPlaces) return;
    const star = place.sid === null ? null : this.world.find(place.sid);
    if (place.sid !== null && star === null)
      this.system.showAbsence(`There is no system ${place.sid} in this universe.`);
    this.world.go(star, star === null && place.sid !== null ? null : place.sight, isAtOnce);
  }

  private showPlaces(places: readonly SystemPlace[]): void {
    this.world.setPlaces(places);
    this.world.setSummaries([...this.summaries.values()]);
    const isFirst = !this.hasPlaces;
    this.hasPlaces = true;
    if (isFirst) this.travel(this.address.place, true);
  }

  private summarise(summaries: readonly SystemSummary[]): void {
    this.summaries = new Map(summaries.map((summary) => [summary.sid, summary]));
    this.world.setSummaries(summaries);
  }

  private showSystem(sid: number, state: SystemState): void {
    const { eid } = this.address.place;
    this.state = state;
    this.world.showSystem(state, this.source.periodMs);
    this.system.show(this.world.find(sid), state);
    if (eid !== null) this.entity.show(state, eid);
  }

  private enter(sid: number): void {
    this.address.go({ sid, eid: null, sight: null, isFollowing: false, sheet: null });
  }

  private leave(): void {
    this.address.go({ sid: null, eid: null, sight: null, isFollowing: false });
  }

  private select(eid: number | null): void {
    const { place } = this.address;
    if (eid !== place.eid) this.address.go({ eid, isFollowing: place.isFollowing && eid !== null });
  }

  private step(step: 1 | -1): void {
    if (this.state !== null) this.select(stepped(this.state, this.address.place.eid, step));
  }

  private back(): void {
    const { place } = this.address;
    if (place.sheet !== null) this.address.go({ sheet: null });
    else if (place.eid !== null) this.select(null);
    else if (place.sid !== null) this.leave();
    else this.world.seeAll();
  }
}

function currentFrame() {
  const covers = [...document.querySelectorAll(COVERS)].map((cover) => cover.getBoundingClientRect());
  return freeFrame({ width: window.innerWidth, height: window.innerHeight }, covers);
}

function after(delayMs: number, action: () => void): () => void {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
}
