import type { Feed } from './feed/feed';
import { isCalm } from './panel/calm';
import { freeSky, onCoversChange } from './panel/covers';
import { byId, write } from './panel/element';
import { repaintEmblems } from './panel/emblem';
import { hoverText } from './panel/hover';
import { Tooltip } from './panel/tooltip';
import type { Address } from './place/address';
import { type Place, SPEED_MAX, TURNS_A_PERIOD_MAX } from './place/place';
import { intoSystem, type Step, TO_MAP, toEntity } from './place/step';
import type { Stage } from './scene/stage';
import { World } from './scene/world';
import { HOLDINGS, isolatedQuestion, layerQuestion } from './sql/map';
import { PERIOD_GUESS_MS, periodOf } from './sql/period';
import { at } from './sql/question';
import { type Ranked, ranksQuestion, strongestQuestion } from './sql/ranks';
import { lookQuestion } from './sql/ship';
import { NUMBERS } from './sql/strategies';
import { systemQuestion } from './sql/system';
import { NEWS, PLACES, SUMMARIES, type SystemPlace, type SystemSummary } from './sql/systems';
import { TURNS } from './sql/turns';
import type { Point } from './view/camera';
import { learnLooks } from './view/look';
import { byNearness, type Direction, nextToward } from './view/star-walk';
import type { Tracks } from './view/track';

const BUTTON_ZOOM = 1.6;
/** The tour takes so many times as long for a flight: there is time to see where it leads. */
const TOUR_PACE = 2;

/** So many turns after another one may be the next that is played. */
const STRIDE_MAX = SPEED_MAX / TURNS_A_PERIOD_MAX;

/** Whether a place follows another because past turns are played. */
function isPlayed(place: Place, from: Place): boolean {
  if (place.turn === null || from.turn === null || place.play === null) return false;
  return place.turn > from.turn && place.turn - from.turn <= STRIDE_MAX;
}

/** The drawn world at the page's place: it goes where the address says, and what is done to it changes the address. */
export class Sky {
  private readonly world: World;
  private readonly tooltip = new Tooltip();
  private summaries: ReadonlyMap<number, SystemSummary> = new Map();
  /** On the map the strongest ships of all, in a system those of it that have a rank; the strongest first. */
  private ranks: readonly Ranked[] = [];
  private hasPlaces = false;
  private places: readonly SystemPlace[] = [];
  /** The star that the keyboard has chosen, and the row in which it goes on: all of them, from the middle outwards. */
  private chosen: SystemPlace | null = null;
  private row: readonly SystemPlace[] = [];
  private periodMs = PERIOD_GUESS_MS;

  constructor(
    stage: Stage,
    private readonly address: Address,
    feed: Pick<Feed, 'follow'>,
    tracks: Tracks,
  ) {
    this.world = new World(stage, byId('sky'), freeSky, isCalm, {
      onSystem: (sid, sight) => address.go({ ...intoSystem(sid), sight }),
      onEntity: (eid) => address.go(toEntity(address.place, eid)),
      onHover: (found, pixel) => {
        if (found === null) this.tooltip.hide();
        else this.tooltip.show(hoverText(found, this.summaries, this.ranks), pixel);
      },
      onSight: (sight) => address.adjust({ sight }),
      onUnfollow: () => address.replace({ isFollowing: false }),
      onLeave: (sight) => address.go({ ...TO_MAP, sight }),
    });
    this.world.showTracks(tracks);
    onCoversChange(() => this.world.reframe());
    byId('zoom-in').addEventListener('click', () => this.zoom(BUTTON_ZOOM));
    byId('zoom-out').addEventListener('click', () => this.zoom(1 / BUTTON_ZOOM));
    byId('zoom-all').addEventListener('click', () => this.seeAll());
    address.listen((place, from) => this.arrive(place, from));
    this.follow(feed);
  }

  pan(dx: number, dy: number): void {
    this.world.pan(dx, dy);
  }

  zoom(factor: number): void {
    this.world.zoom(factor, null);
  }

  seeAll(): void {
    this.world.seeAll();
  }

  /** Ends the flight under way; returns the step to where the camera is then. */
  halt(): Step {
    if (!this.hasPlaces) return {};
    const { star, sight } = this.world.halt();
    return star === null ? { ...TO_MAP, sight } : { sid: star.sid, sight };
  }

  /** Where a star is in the window; null where there is no such star. */
  pixelOf(sid: number): Point | null {
    const place = this.world.find(sid);
    return place === null ? null : this.world.pixelOf(place);
  }

  /** Marks the next star, +1, or the one before, -1, from the middle of the picture outwards. */
  stepStar(step: 1 | -1): void {
    if (this.chosen === null) this.row = byNearness(this.places, this.world.centre);
    const { length } = this.row;
    const at = this.chosen === null ? (step === 1 ? 0 : -1) : this.row.indexOf(this.chosen) + step;
    this.choose(this.row[(at + length) % length] ?? null);
  }

  /** Marks the star that lies next in a direction. */
  stepToward(direction: Direction): void {
    const from = this.chosen ?? this.world.centre;
    const next = nextToward(this.places, from, direction);
    if (next === null) return;
    // From here `stepStar` goes on among its neighbours.
    this.row = byNearness(this.places, next);
    this.choose(next);
  }

  private choose(place: SystemPlace | null): void {
    this.chosen = place;
    this.world.mark(place);
    if (place !== null)
      write(byId('where'), `${hoverText(place, this.summaries, this.ranks)}. Enter flies there`);
  }

  /** Flies into the star that is marked, or the one nearest to the middle; inside a system there is none. */
  enterMiddle(): void {
    const place = this.address.place.sid === null ? (this.chosen ?? this.world.middle()) : null;
    if (place !== null) this.address.go(intoSystem(place.sid));
  }

  /** Milliseconds from the turn that is shown to the next one. */
  private get pace(): number {
    return this.periodMs / Math.min(this.address.place.play ?? 1, TURNS_A_PERIOD_MAX);
  }

  private follow(feed: Pick<Feed, 'follow'>): void {
    feed.follow(
      ({ turn }) => at(NUMBERS, turn),
      (numbers) => {
        const isOther = learnLooks(numbers ?? []);
        this.world.setSummaries([...this.summaries.values()]);
        if (!isOther) return;
        repaintEmblems();
        this.world.recolour();
      },
    );
    feed.follow(
      ({ turn }) => at(TURNS, turn),
      (turns) => {
        this.periodMs = periodOf(turns ?? []) ?? this.periodMs;
      },
    );
    feed.follow(
      ({ turn }) => at(PLACES, turn),
      (places) => this.showPlaces(places),
    );
    // What only the map shows is asked for only there.
    feed.follow(
      ({ sid, turn }) => (sid === null ? at(SUMMARIES, turn) : null),
      (summaries) => {
        // In a system the stars keep the light they had.
        if (summaries !== null) this.summarise(summaries);
      },
    );
    feed.follow(
      ({ sid, turn }) => (sid === null ? at(NEWS, turn) : null),
      (news) => {
        if (news !== null) this.world.flash(news, this.pace);
      },
    );
    feed.follow(
      ({ sid, turn }) => (sid === null ? at(HOLDINGS, turn) : null),
      (holdings) => {
        if (holdings !== null) this.world.setHoldings(holdings);
      },
    );
    feed.follow(
      ({ sid, turn, layer }) => (sid === null ? layerQuestion(layer, turn) : null),
      (figures) => this.world.setFigures(figures),
    );
    feed.follow(
      ({ sid, turn, isolate }) => (sid === null ? isolatedQuestion(isolate, turn) : null),
      (isolated) => this.world.setIsolated(isolated),
    );
    feed.follow(strongestQuestion, (marks) => {
      this.world.setMarks(marks ?? []);
      this.ranks = marks ?? [];
    });
    feed.follow(systemQuestion, (state) => {
      if (state === null) return;
      this.world.showSystem(state, this.pace);
    });
    feed.follow(lookQuestion, (look) => this.world.showLook(look));
    feed.follow(ranksQuestion, (ranks) => {
      this.world.showRanks(ranks ?? []);
      this.ranks = ranks ?? [];
    });
  }

  private arrive(place: Place, from: Place | null): void {
    const isOtherTurn = from !== null && place.turn !== from.turn;
    const isElsewhere = from === null || place.sid !== from.sid;
    if (isElsewhere || isOtherTurn) {
      this.tooltip.hide();
      this.chosen = null;
    }
    if (isOtherTurn) {
      // Nothing flies from one time to another, but from a turn that is played to the next.
      if (!isPlayed(place, from)) {
        this.world.clearSystem();
        this.summaries = new Map();
      }
    }
    this.world.tell(place);
    this.world.select(place.eid, place.isFollowing);
    const isOtherSight = from !== null && JSON.stringify(place.sight) !== JSON.stringify(from.sight);
    if (isElsewhere || isOtherSight) this.travel(place, from === null);
  }

  private travel(place: Place, isAtOnce: boolean): void {
    // The stars are not there yet: `showPlaces` comes back to this.
    if (!this.hasPlaces) return;
    const star = place.sid === null ? null : this.world.find(place.sid);
    const sight = star === null && place.sid !== null ? null : place.sight;
    this.world.go(star, sight, isAtOnce, place.isTouring ? TOUR_PACE : 1);
  }

  private showPlaces(places: readonly SystemPlace[] | null): void {
    const isFirst = !this.hasPlaces;
    this.hasPlaces = places !== null;
    this.places = places ?? [];
    this.world.setPlaces(places ?? []);
    this.world.setSummaries([...this.summaries.values()]);
    if (isFirst) this.travel(this.address.place, true);
  }

  private summarise(summaries: readonly SystemSummary[]): void {
    this.summaries = new Map(summaries.map((summary) => [summary.sid, summary]));
    this.world.setSummaries(summaries);
  }
}
