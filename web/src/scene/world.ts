import type { Sight } from '../place/place';
import type { Figure, Holding } from '../sql/map';
import type { Ranked } from '../sql/ranks';
import type { Look } from '../sql/ship';
import { MAP_SIDE } from '../sql/space';
import type { Entity, SystemState } from '../sql/system';
import type { SystemNews, SystemPlace, SystemSummary } from '../sql/systems';
import { ENTER_SPAN, Glide, LEAVE_SPAN } from '../view/approach';
import { clamp, type Frame, type Point } from '../view/camera';
import { Chase } from '../view/chase';
import { toCss } from '../view/colour';
import { CELLS_PER_UNIT, Helm, MAP_VIEW, systemView, toMapSight, toOwnSight } from '../view/helm';
import { NODE_COLOUR, strategyColour } from '../view/look';
import { shipPixelsMin } from '../view/size';
import { type Star, StarField } from '../view/star-field';
import type { Tracks } from '../view/track';
import { drawAtlas } from './atlas';
import { Backdrop } from './backdrop';
import { Life } from './life';
import { MapScene, type MapView } from './map-scene';
import { Plates } from './plates';
import { Pointer } from './pointer';
import type { Stage } from './stage';
import { SystemScene } from './system-scene';
import { drawTextures } from './textures';

export interface WorldActions {
  /** Into a system: with its sight where the camera is there already, with null to fly to it. */
  onSystem(sid: number, sight: Sight | null): void;
  onEntity(eid: number | null): void;
  /** What is under the pointer, for the tooltip. */
  onHover(found: SystemPlace | Entity | null, pixel: Point): void;
  /** The person has changed the sight, in cells of the view; null when all is in sight. */
  onSight(sight: Sight | null): void;
  /** The person has moved the view away from what it followed. */
  onUnfollow(): void;
  /** Zoomed out of a system, to this sight of the map. */
  onLeave(sight: Sight): void;
}

const REACH_PIXELS = 18;
/** From near, whose star this is, in map cells, whatever its size in pixels. */
const NEAR_REACH = 0.6;
/** Who follows a ship from further away comes as near as this, in cells of a system. */
const FOLLOW_SPAN_MAX = 60;
const FOLLOW_SPAN = 36;
/** Between these spans, in map cells, the map gives way to the system. */
const SYSTEM_SPAN = 2.6;
const MAP_SPAN = 9;
const ARRIVAL_MS = 450;

/** All that is drawn: the map and the system in it, under one camera. */
export class World {
  private readonly helm: Helm;
  private readonly backdrop = new Backdrop();
  private readonly map: MapScene;
  private readonly system: SystemScene;
  private field = new StarField([]);
  /** The system in view; null on the map. */
  private place: Star | null = null;
  /** The system that is drawn: on the way back to the map still the one that was left. */
  private drawn: Star | null = null;
  /** How much of the system in view is there, 0..1: until it is, the map stays. */
  private arrival = 0;
  private readonly glide = new Glide();
  private isCrossing = false;
  private readonly chase = new Chase();
  private readonly plates: Plates;
  private isFollowing = false;
  private isStale = true;
  private readonly life: Life;

  constructor(
    private readonly stage: Stage,
    private readonly host: HTMLElement,
    private readonly frame: () => Frame,
    private readonly isCalm: () => boolean,
    private readonly actions: WorldActions,
  ) {
    const textures = drawTextures();
    this.map = new MapScene(textures, isCalm);
    this.system = new SystemScene(drawAtlas(), isCalm);
    this.life = new Life(isCalm);
    this.helm = new Helm(frame());
    stage.root.addChild(
      this.map.nebula.sprite,
      this.backdrop.container,
      this.map.container,
      this.map.names,
      this.system.container,
    );
    const plates = document.createElement('div');
    plates.className = 'plates';
    host.append(plates);
    this.plates = new Plates(plates);
    new Pointer(host, {
      onDrag: (dx, dy) => this.pan(dx, dy),
      onZoom: (factor, pixel, isHeld) => this.zoom(factor, pixel, isHeld),
      onPress: (pixel) => this.press(pixel),
      onHover: (pixel) => this.hover(pixel),
    });
    stage.run(
      (nowMs, passedMs) => this.draw(nowMs, passedMs),
      () => this.reframe(),
    );
  }

  /** The panels have moved, or the window: the free part of the screen is another. */
  reframe(): void {
    this.helm.reframe(this.frame());
    // Panels and their letters grow with large windows; names on the map are as large as these.
    this.map.magnify(Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16);
    this.isStale = true;
  }

  /** Strategies have other colours than they were drawn with. */
  recolour(): void {
    this.map.recolour();
    this.isStale = true;
  }

  setPlaces(places: readonly SystemPlace[]): void {
    this.field = new StarField(places);
    this.map.setPlaces(this.field);
    this.isStale = true;
  }

  setSummaries(summaries: readonly SystemSummary[]): void {
    this.map.setSummaries(summaries);
    this.isStale = true;
  }

  setHoldings(holdings: readonly Holding[]): void {
    this.map.setHoldings(holdings);
  }

  setFigures(figures: readonly Figure[] | null): void {
    this.map.setFigures(figures);
    this.isStale = true;
  }

  setIsolated(isolated: readonly Figure[] | null): void {
    this.map.setIsolated(isolated);
    this.isStale = true;
  }

  /** The strongest ships of the universe, the strongest first. */
  setMarks(marks: readonly Ranked[]): void {
    this.map.setMarks(marks);
  }

  /** What the map tells. */
  tell(view: MapView): void {
    this.map.look(view);
    this.system.isolate = view.isolate;
    this.isStale = true;
  }

  flash(news: readonly SystemNews[], periodMs: number): void {
    // Inside a system nobody sees the map: its flashes would only wait there.
    if (this.place === null) this.map.flash(news, periodMs, performance.now());
  }

  showSystem(state: SystemState, periodMs: number): void {
    this.system.show(state, performance.now(), periodMs);
  }

  /** What the selected ship sees; null when that is not known. */
  showLook(look: Look | null): void {
    this.system.look = look;
  }

  /** Which ships of the system have a rank, the strongest first. */
  showRanks(ranks: readonly Ranked[]): void {
    this.system.ranks = new Map(ranks.map((ranked) => [ranked.eid, ranked]));
  }

  /** Where ships have been. */
  showTracks(tracks: Tracks): void {
    this.system.tracks = tracks;
  }

  /** What comes next is not what follows: nothing flies there from where it is. */
  clearSystem(): void {
    this.system.clear();
    this.isStale = true;
  }

  find(sid: number): Star | null {
    return this.field.find(sid);
  }

  /** The star nearest to the middle of the picture. */
  middle(): Star | null {
    return this.field.nearest(this.helm.camera.sight, MAP_SIDE);
  }

  /** The middle of the picture, in cells of the map. */
  get centre(): Point {
    return this.helm.camera.sight;
  }

  /** Where a star is in the window, in pixels. */
  pixelOf(place: SystemPlace): Point {
    return this.helm.camera.toScreen(this.find(place.sid)?.at ?? place);
  }

  /** Marks a star as the pointer does, and brings it into the picture; null marks none. */
  mark(place: SystemPlace | null): void {
    const star = place === null ? null : this.find(place.sid);
    this.map.hovered = star;
    this.isStale = true;
    if (star === null) return;
    const { camera } = this.helm;
    const pixel = camera.toScreen(star.at);
    const { left, top, width, height } = camera.frame;
    const isInside = pixel.x > left && pixel.x < left + width && pixel.y > top && pixel.y < top + height;
    if (!isInside) this.steer({ ...star.at, span: camera.sight.span }, false);
    this.actions.onHover(star, isInside ? pixel : { x: left + width / 2, y: top + height / 2 });
  }

  /**
   * Goes to a system, or with null to the map; flies unless it is to be there at once. A flight takes `pace` times as
   * long as usual.
   */
  go(place: Star | null, sight: Sight | null, isAtOnce: boolean, pace = 1): void {
    if (place !== null && place.sid !== this.drawn?.sid) {
      this.system.clear();
      this.drawn = place;
      this.arrival = 0;
    }
    if (!this.isCrossing) this.glide.stop();
    this.place = place;
    this.map.hovered = null;
    this.helm.enter(place === null ? MAP_VIEW : systemView(cornerOf(place)));
    this.steer(sight === null ? null : toMapSight(place && cornerOf(place), sight), isAtOnce, pace);
  }

  select(eid: number | null, isFollowing: boolean): void {
    if (eid !== this.system.selected || !isFollowing) this.chase.reset();
    const isNew = isFollowing && !this.isFollowing;
    this.system.selected = eid;
    this.isFollowing = isFollowing;
    if (isNew && this.place !== null) this.closeIn(this.place);
  }

  /** With all of a system in sight, following would move the picture and show nothing more. */
  private closeIn(star: Star): void {
    const goal = this.system.goalOf(this.system.selected);
    const corner = cornerOf(star);
    const { span } = toOwnSight(corner, this.helm.goal);
    if (goal === null || span <= FOLLOW_SPAN_MAX) return;
    this.steer(toMapSight(corner, { ...goal, span: FOLLOW_SPAN }), false);
    this.actions.onSight(toOwnSight(corner, this.helm.goal));
  }

  pan(dx: number, dy: number): void {
    this.actions.onHover(null, { x: 0, y: 0 });
    this.helm.drag(dx, dy);
    if (this.isFollowing) this.actions.onUnfollow();
    this.report();
  }

  /**
   * `factor` > 1 comes closer. Without a pixel, to the middle of the picture. Fingers hold the plane, which does as they
   * do; anything else glides.
   */
  zoom(factor: number, pixel: Point | null, isHeld = false): void {
    this.actions.onHover(null, { x: 0, y: 0 });
    const { left, top, width, height } = this.helm.camera.frame;
    this.glide.add(factor, pixel ?? { x: left + width / 2, y: top + height / 2 });
    if (isHeld || this.isCalm()) this.zoomBy(this.glide.step(Number.POSITIVE_INFINITY));
    this.isStale = true;
  }

  private zoomBy(factor: number): void {
    const { pixel } = this.glide;
    const star = this.place === null && factor > 1 ? this.under(pixel, MAP_SIDE * 2) : null;
    this.helm.zoom(factor, pixel, star !== null && 'at' in star ? star.at : null);
    const { sight } = this.helm.camera;
    this.isCrossing = true;
    if (star !== null && 'at' in star && sight.span <= ENTER_SPAN)
      this.actions.onSystem(star.sid, toOwnSight(cornerOf(star), sight));
    else if (this.place !== null && sight.span > LEAVE_SPAN) this.actions.onLeave(sight);
    else this.report();
    this.isCrossing = false;
  }

  seeAll(): void {
    this.steer(null, false);
    if (this.isFollowing) this.actions.onUnfollow();
    this.actions.onSight(null);
  }

  /** Ends the flight under way; returns where the camera is: in a system or, with null, on the map; in its cells. */
  halt(): { star: SystemPlace | null; sight: Sight | null } {
    this.helm.halt();
    const { sight } = this.helm.camera;
    const near = this.drawn !== null && sight.span <= LEAVE_SPAN ? this.drawn : null;
    return { star: near, sight: this.helm.isWhole ? null : toOwnSight(near && cornerOf(near), sight) };
  }

  private steer(sight: Sight | null, isAtOnce: boolean, pace = 1): void {
    if (isAtOnce || this.isCalm()) this.helm.jump(sight);
    else this.helm.fly(sight, pace);
    // Who takes time to arrive takes time to look.
    if (pace > 1 && !this.isCalm()) this.helm.creep();
    this.isStale = true;
  }

  private report(): void {
    this.isStale = true;
    this.actions.onSight(
      this.helm.isWhole ? null : toOwnSight(this.place && cornerOf(this.place), this.helm.camera.sight),
    );
  }

  private press(pixel: Point): void {
    const found = this.under(pixel);
    if (this.place === null) {
      if (found !== null && 'sid' in found) this.actions.onSystem(found.sid, null);
      return;
    }
    this.actions.onEntity(found !== null && 'eid' in found ? found.eid : null);
  }

  private hover(pixel: Point | null): void {
    const found = pixel === null ? null : this.under(pixel);
    this.map.hovered = found !== null && 'sid' in found ? found : null;
    this.host.classList.toggle('is-over', found !== null);
    this.actions.onHover(found, pixel ?? { x: 0, y: 0 });
    this.isStale = true;
  }

  private under(pixel: Point, reachMin = NEAR_REACH): Star | Entity | null {
    const { camera } = this.helm;
    const point = camera.toPlane(pixel);
    const reach = REACH_PIXELS / camera.pixelsPerUnit;
    if (this.place === null) return this.field.nearest(point, Math.max(reach, reachMin));
    return this.system.nearest(toCells(this.place, point), reach * CELLS_PER_UNIT);
  }

  /** Returns whether the picture has changed. */
  private draw(nowMs: number, passedMs: number): boolean {
    let hasChanged = this.helm.advance(nowMs, passedMs) || this.isStale;
    this.isStale = false;
    if (!this.glide.isOver) {
      this.zoomBy(this.glide.step(passedMs));
      hasChanged = true;
    }
    this.system.move(nowMs);
    if (this.place !== null && this.isFollowing) this.followSelected(this.place, passedMs);
    const { camera } = this.helm;
    const { span } = camera.sight;
    const isAlive = this.life.beat(nowMs, passedMs);
    const { seconds } = this.life;
    const { width, height } = this.stage;
    this.backdrop.place(camera, width, height, seconds);

    // The span alone decides what is seen, so the way in and the way out look the same.
    if (this.drawn !== null && !this.system.isEmpty)
      this.arrival = this.isCalm() ? 1 : Math.min(1, this.arrival + passedMs / ARRIVAL_MS);
    const nearness = this.arrival * clamp(Math.log(MAP_SPAN / span) / Math.log(MAP_SPAN / SYSTEM_SPAN), 0, 1);
    this.map.container.alpha = 1 - nearness;
    this.map.container.visible = nearness < 1;
    this.map.names.alpha = 1 - nearness;
    this.map.names.visible = nearness < 1;
    if (nearness < 1) hasChanged = this.map.name(camera, passedMs) || hasChanged;
    hasChanged = this.map.advance(camera, nowMs, seconds) || isAlive || hasChanged;
    this.system.container.visible = nearness > 0 && this.drawn !== null;
    // The ships of a system move in every frame, the sky behind them seldom.
    if (hasChanged) this.map.renderNebula(this.stage.draw, camera, width, height, nowMs, seconds);
    if (this.drawn === null || nearness < 1) this.plates.show([], camera.frame);
    if (this.drawn === null) return hasChanged;
    if (nearness === 0 && this.place === null && !this.helm.isFlying) {
      this.system.clear();
      this.drawn = null;
      return true;
    }
    const corner = camera.toScreen(cornerOf(this.drawn));
    const scale = camera.pixelsPerUnit / CELLS_PER_UNIT;
    this.system.container.alpha = nearness;
    this.system.container.position.set(corner.x, corner.y);
    this.system.container.scale.set(scale);
    this.system.draw(nowMs, scale, shipPixelsMin(camera.frame));
    if (nearness === 1) this.showPlates(corner, scale, camera.frame);
    return true;
  }

  private showPlates(corner: Point, scale: number, frame: Frame): void {
    this.plates.show(
      this.system.labelled().map(({ entity, at, grade }) => ({
        id: entity.eid,
        text: this.system.nameOf(entity),
        at: { x: corner.x + at.x * scale, y: corner.y + at.y * scale },
        isSelected: entity.eid === this.system.selected,
        colour: toCss(entity.strategy === null ? NODE_COLOUR : strategyColour(entity.strategy)),
        grade,
      })),
      frame,
    );
  }

  private followSelected(place: Star, passedMs: number): void {
    const { selected } = this.system;
    const at = this.system.whereIs(selected);
    const goal = this.system.goalOf(selected);
    if (at === null || goal === null || this.helm.isFlying) {
      this.chase.reset();
      return;
    }
    const corner = cornerOf(place);
    const own = toOwnSight(corner, this.helm.camera.sight);
    const centre = this.chase.step(own, at, goal, own.span, passedMs);
    this.helm.centre(toMapSight(corner, { ...centre, span: own.span }));
  }
}

/** Where a system's own cells begin on the map: its star is in the middle of them. */
function cornerOf(star: Star): Point {
  return { x: star.at.x - 0.5, y: star.at.y - 0.5 };
}

function toCells(star: Star, point: Point): Point {
  const corner = cornerOf(star);
  return { x: (point.x - corner.x) * CELLS_PER_UNIT, y: (point.y - corner.y) * CELLS_PER_UNIT };
}
