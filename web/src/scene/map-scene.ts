import { Container } from 'pixi.js';
import type { Layer } from '../place/place';
import type { Figure, Holding } from '../sql/map';
import type { Ranked } from '../sql/ranks';
import { MAP_SIDE } from '../sql/space';
import type { SystemNews, SystemSummary } from '../sql/systems';
import { type Camera, clamp } from '../view/camera';
import { claimsOf } from '../view/claims';
import { type Field, fieldReach, type Heart, heatField, territories } from '../view/field';
import { figuresOf, heatOf, LAYERS } from '../view/layers';
import { inkOf, strategyColour } from '../view/look';
import { paintStars, type Telling } from '../view/paint';
import { type Star, StarField } from '../view/star-field';
import { Currents } from './currents';
import { Flashes } from './flashes';
import { type Label, Labels } from './labels';
import { Nebula } from './nebula';
import { Reticle } from './reticle';
import type { Draw } from './stage';
import { StarLight } from './star-light';
import type { Textures } from './textures';

/** Stars grow with the zoom, but slower than the space between them. */
const GROWTH = 0.5;
/** The brightest flash is no larger than this, in pixels, however near. */
const FLASH_PIXELS_MAX = 90;
/** Territories are seen in full from this span on, in cells, and hardly at all from the other down. */
const FIELD_SPAN_FULL = 170;
const FIELD_SPAN_FAINT = 12;
/** What is computed for the field in one frame takes not much longer than this. */
const LABOUR_MS = 1.5;
const LIGHT_MIN = 0.3;
const FIELD_STRENGTH = 0.42;

/** Systems have names where they are so far from each other, in pixels; strategies where so much is in sight, in cells. */
const NAMES_APART = 64;
const NAMES_SPAN = 130;
/** Currents begin to be seen where stars are so many pixels from each other. */
const CURRENTS_APART = 22;
/** Where stars are so far from each other, the strongest ships in sight have a name: so many at most, so far below their star. */
const MARKS_APART = 110;
const MARKS_MAX = 5;
const MARK_BELOW_PIXELS = 24;
const NAME_COLOUR = 0xc3cfe8;
/** For one name there is so much of the sky, in pixels. */
const NAME_AREA = 34_000;

/** What the map tells beside who leads where. */
export interface MapView {
  readonly layer: Layer | null;
  readonly isolate: string | null;
}

/** All systems as stars, and territories or a heat behind them. */
export class MapScene {
  readonly container = new Container();
  readonly nebula = new Nebula();
  private readonly labels = new Labels();
  private marks: readonly Ranked[] = [];
  private energies: ReadonlyMap<number, number> = new Map();
  private readonly light = new StarLight();
  private readonly currents = new Currents(strategyColour);
  private readonly flashes = new Flashes();
  private readonly reticle: Reticle;
  private field = new StarField([]);
  private summaries: readonly SystemSummary[] = [];
  private holdings: readonly Holding[] = [];
  private figures: readonly Figure[] | null = null;
  private isolated: readonly Figure[] | null = null;
  private view: MapView = { layer: null, isolate: null };
  private work: Iterator<void, Field> | null = null;
  private hasMoreWork = false;
  private isLaid = false;
  private starPixels = 8;
  private newsTid = 0;
  private scale = 1;
  /** Where each strategy is strongest. */
  private hearts: readonly Heart[] = [];
  hovered: Star | null = null;

  constructor(
    textures: Textures,
    private readonly isCalm: () => boolean,
  ) {
    this.reticle = new Reticle(textures);
    this.container.addChild(this.currents.mesh, this.light.mesh, this.flashes.mesh, this.reticle.container);
  }

  setPlaces(field: StarField): void {
    this.field = field;
    // Closer stars are drawn smaller, so that thirty thousand are a galaxy and not a fog.
    this.starPixels = Math.min(8.5, Math.max(2.7, 260 / Math.sqrt(Math.max(1, field.stars.length))));
    this.light.place(field.stars, (star) => field.room(star));
    this.currents.place(field);
    this.repaint();
  }

  setSummaries(summaries: readonly SystemSummary[]): void {
    this.summaries = summaries;
    this.currents.power(new Map(summaries.map(({ sid, leader, energy }) => [sid, { leader, energy }])));
    this.energies = new Map(summaries.map(({ sid, energy }) => [sid, energy]));
    this.repaint();
    if (this.view.layer !== null) this.layField();
  }

  /** Names are so many times as large as usual, and as far from each other. */
  magnify(scale: number): void {
    this.scale = scale;
    this.labels.magnify(scale);
  }

  /** Strategies have other colours than before. */
  recolour(): void {
    this.repaint();
    this.layField();
  }

  setHoldings(holdings: readonly Holding[]): void {
    this.holdings = holdings;
    if (this.view.layer === null) this.layField();
  }

  /** What the layer asked for beside the summaries. */
  setFigures(figures: readonly Figure[] | null): void {
    this.figures = figures;
    if (this.view.layer === null) return;
    this.repaint();
    this.layField();
  }

  /** Where the isolated strategy is. */
  setIsolated(isolated: readonly Figure[] | null): void {
    this.isolated = isolated;
    this.repaint();
  }

  /** The strongest ships of the universe, the strongest first. */
  setMarks(marks: readonly Ranked[]): void {
    this.marks = marks;
  }

  look(view: MapView): void {
    if (view.layer === this.view.layer && view.isolate === this.view.isolate) return;
    this.view = view;
    this.repaint();
    this.layField();
  }

  /** Battles and deaths of the newest turn flash over the time the turn takes. */
  flash(news: readonly SystemNews[], periodMs: number, nowMs: number): void {
    const tid = news[0]?.tid ?? this.newsTid;
    if (tid === this.newsTid) return;
    this.newsTid = tid;
    this.flashes.add(
      news.map(({ sid, x, y, battles, deaths, systems }) => ({
        at: (systems === 1 ? this.field.find(sid)?.at : null) ?? { x, y },
        startMs: nowMs + (this.isCalm() ? 0 : Math.random() * periodMs * 0.85),
        battles,
        deaths,
        systems,
      })),
      nowMs,
    );
  }

  /** One frame; returns whether the picture has changed. `seconds` of the slow life. */
  advance(camera: Camera, nowMs: number, seconds: number): boolean {
    const scale = camera.pixelsPerUnit;
    const origin = camera.origin;
    this.container.position.set(origin.x, origin.y);
    this.container.scale.set(scale);
    const whole = Math.min(camera.frame.width, camera.frame.height) / MAP_SIDE;
    const pixels = this.starPixels * Math.max(whole, 0.7) ** 0.3 * Math.max(1, scale / whole) ** GROWTH;
    // Tens of thousands of stars together are as bright as a few: from far each has its share of it.
    const light = clamp((pixels / 5.5) ** 1.2, LIGHT_MIN, 1);
    this.light.look(pixels, seconds, this.isCalm() ? 0 : 1, light);
    // Where stars are too near to each other, threads between them would be a fog.
    const isPlain = this.view.layer === null && this.view.isolate === null;
    const apart = (this.field.spacing * scale - CURRENTS_APART) / CURRENTS_APART;
    this.currents.advance(seconds, isPlain ? clamp(apart, 0, 1) : 0);
    const isFlashing = this.flashes.advance(nowMs, pixels, FLASH_PIXELS_MAX, this.isCalm());
    const place = this.hovered?.at ?? null;
    this.reticle.show(place, 8 / scale, nowMs, this.isCalm());
    return this.labour(nowMs) || isFlashing || (place !== null && !this.isCalm());
  }

  get names(): Container {
    return this.labels.container;
  }

  /** One frame of the names; returns whether they have changed. */
  name(camera: Camera, passedMs: number): boolean {
    const { left, top, width, height } = camera.frame;
    return this.labels.advance(
      () => this.wished(camera),
      (point) => camera.toScreen(point),
      { left, top, right: left + width, bottom: top + height },
      Math.ceil((width * height) / (NAME_AREA * this.scale ** 2)),
      passedMs,
      this.isCalm(),
    );
  }

  private wished(camera: Camera): Label[] {
    const { sight, frame, pixelsPerUnit } = camera;
    const labels: Label[] = [];
    if (sight.span > NAMES_SPAN && this.view.layer === null) {
      for (const { strategy, x, y, share } of this.hearts) {
        if (strategy === '' || share === 0) continue;
        const colour = inkOf(strategyColour(strategy));
        // Strategies before systems, whatever these have.
        labels.push({
          key: strategy,
          text: strategy,
          at: { x, y },
          colour,
          weight: (1 + share) * 1e15,
          aside: null,
        });
      }
    }
    const apart = (this.field.spacing * pixelsPerUnit) / this.scale;
    if (apart < NAMES_APART) return labels;
    const wide = frame.width / pixelsPerUnit / 2;
    const high = frame.height / pixelsPerUnit / 2;
    for (const { sid, at } of this.field.within(
      sight.x - wide,
      sight.y - high,
      sight.x + wide,
      sight.y + high,
    )) {
      const weight = 1 + (this.energies.get(sid) ?? 0);
      const aside = (8 + this.starPixels) * this.scale;
      labels.push({ key: `${sid}`, text: `System ${sid}`, at, colour: NAME_COLOUR, weight, aside });
    }
    if (apart >= MARKS_APART) labels.push(...this.marked(camera));
    return labels;
  }

  /** The strongest ships in sight, one for a system. */
  private marked({ sight, frame, pixelsPerUnit }: Camera): Label[] {
    const wide = frame.width / pixelsPerUnit / 2;
    const high = frame.height / pixelsPerUnit / 2;
    const { isolate } = this.view;
    const labels = new Map<number, Label>();
    for (const { eid, sid, name, rank, strategy } of this.marks) {
      if (labels.size >= MARKS_MAX) break;
      const star = this.field.find(sid)?.at;
      if (star === undefined || labels.has(sid) || (isolate !== null && strategy !== isolate)) continue;
      if (Math.abs(star.x - sight.x) > wide || Math.abs(star.y - sight.y) > high) continue;
      labels.set(sid, {
        key: `ship ${eid}`,
        text: `${name}, ${rank}`,
        at: { x: star.x, y: star.y + (MARK_BELOW_PIXELS * this.scale) / pixelsPerUnit },
        colour: inkOf(strategyColour(strategy)),
        // They are few: before the names of systems, and after those of strategies.
        weight: 1e14 - labels.size,
        aside: null,
      });
    }
    return [...labels.values()];
  }

  /** Draws what lies behind the stars. */
  renderNebula(
    draw: Draw,
    camera: Camera,
    width: number,
    height: number,
    nowMs: number,
    seconds: number,
  ): void {
    const { span } = camera.sight;
    const far = clamp(Math.log(span / FIELD_SPAN_FAINT) / Math.log(FIELD_SPAN_FULL / FIELD_SPAN_FAINT), 0, 1);
    this.nebula.render(draw, camera, width, height, FIELD_STRENGTH * (0.07 + 0.93 * far), nowMs, seconds);
  }

  private repaint(): void {
    if (this.field.stars.length === 0) return;
    this.light.shine(paintStars(this.field.stars, this.summaries, strategyColour, this.telling()));
  }

  private telling(): Telling {
    const { layer, isolate } = this.view;
    if (layer !== null) {
      const figures = figuresOf(layer, this.summaries, this.figures) ?? [];
      return { kind: 'heat', ramp: LAYERS[layer].ramp, heat: heatOf(figures) };
    }
    if (isolate === null) return { kind: 'leader' };
    const energy = new Map((this.isolated ?? []).map(({ sid, value }) => [sid, value]));
    return { kind: 'isolated', colour: strategyColour(isolate), energy };
  }

  private layField(): void {
    // What is being laid is finished first: where frames are slow, it would never be.
    this.hasMoreWork = this.work !== null;
    if (!this.hasMoreWork) this.work = this.fieldWork();
  }

  private fieldWork(): Iterator<void, Field> {
    const reach = fieldReach(this.field.spacing);
    const { layer, isolate } = this.view;
    if (layer === null) return territories(claimsOf(this.holdings, strategyColour, isolate), reach);
    const figures = figuresOf(layer, this.summaries, this.figures) ?? [];
    const deposits = figures.flatMap(({ sid, value }) => {
      const at = this.field.find(sid)?.at;
      return at === undefined ? [] : [{ ...at, weight: value }];
    });
    return heatWork(deposits, LAYERS[layer].ramp, reach * 0.6);
  }

  /** Goes on with what is to be laid behind the stars; returns whether it is there now. */
  private labour(nowMs: number): boolean {
    // The first one is not waited for: until it is there, the map looks empty.
    const untilMs = this.isLaid ? performance.now() + LABOUR_MS : Number.POSITIVE_INFINITY;
    while (this.work !== null) {
      const step = this.work.next();
      if (step.done === true) {
        this.work = this.hasMoreWork ? this.fieldWork() : null;
        this.hasMoreWork = false;
        this.hearts = step.value.hearts;
        this.nebula.show(
          step.value,
          this.view.layer === null ? 1 : 0.25,
          nowMs,
          this.isCalm() || !this.isLaid,
        );
        this.isLaid = true;
        return true;
      }
      if (performance.now() > untilMs) return false;
    }
    return false;
  }
}

function* heatWork(...args: Parameters<typeof heatField>): Generator<void, Field> {
  yield;
  return heatField(...args);
}
