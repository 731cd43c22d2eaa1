import { Container, Particle, ParticleContainer } from 'pixi.js';
import type { SystemNews, SystemPlace, SystemSummary } from '../sql/systems';
import type { Camera } from '../view/camera';
import { mixed, strategyColour } from '../view/colour';
import { brightness, type StarField } from '../view/star-field';
import { EffectLayer } from './effect-layer';
import { Reticle } from './reticle';
import type { Textures } from './textures';

const MAP_SIZE = 500;
const UNKNOWN_COLOUR = 0x8fa3c8;
const FLASH_COLOUR = 0xff8a5c;
const DEATH_COLOUR = 0xfff0d8;
/** Stars grow with the zoom, but slower than the space between them. */
const GROWTH = 0.55;
/** All stars are resized when the zoom has changed by this share; before, nobody sees the difference. */
const RESIZE_SHARE = 0.04;

/** All systems as stars: the colour tells who leads, the light how strong the ships are. */
export class MapScene {
  readonly container = new Container();
  private readonly halos: ParticleContainer;
  private readonly cores: ParticleContainer;
  private readonly effects = new EffectLayer();
  private readonly reticle: Reticle;
  private stars: { place: SystemPlace; halo: Particle; core: Particle; light: number }[] = [];
  private bySid = new Map<number, SystemPlace>();
  private scaleShown = 0;
  private starPixels = 8;
  private newsTid = 0;
  hovered: SystemPlace | null = null;

  constructor(
    private readonly textures: Textures,
    private readonly isCalm: () => boolean,
  ) {
    // Stars never move: positions and colours are sent to the GPU only when an answer or the zoom changes them.
    const dynamicProperties = { position: false, vertex: false, rotation: false, color: false, uvs: false };
    this.halos = new ParticleContainer({ texture: textures.glow, dynamicProperties, blendMode: 'add' });
    this.cores = new ParticleContainer({ texture: textures.core, dynamicProperties, blendMode: 'add' });
    this.reticle = new Reticle(textures);
    this.container.addChild(this.halos, this.cores, this.effects.container, this.reticle.container);
  }

  setPlaces(field: StarField): void {
    this.bySid = new Map(field.places.map((place) => [place.sid, place]));
    // Closer stars are drawn smaller, so that thirty thousand are a galaxy and not a fog.
    this.starPixels = Math.min(9, Math.max(3, 270 / Math.sqrt(Math.max(1, field.places.length))));
    this.stars = field.places.map((place) => {
      const at = { x: place.x + 0.5, y: place.y + 0.5, anchorX: 0.5, anchorY: 0.5 };
      const halo = new Particle({ ...at, texture: this.textures.glow });
      const core = new Particle({ ...at, texture: this.textures.core });
      const star = { place, halo, core, light: 0.3 };
      paint(star, UNKNOWN_COLOUR, 0.3);
      return star;
    });
    this.halos.particleChildren = this.stars.map((star) => star.halo);
    this.cores.particleChildren = this.stars.map((star) => star.core);
    this.scaleShown = 0;
  }

  setSummaries(summaries: readonly SystemSummary[]): void {
    const lights = brightness(summaries);
    const bySid = new Map(summaries.map((summary) => [summary.sid, summary]));
    for (const star of this.stars) {
      const summary = bySid.get(star.place.sid);
      if (summary === undefined) {
        paint(star, UNKNOWN_COLOUR, 0);
        continue;
      }
      const colour = strategyColour(summary.leader);
      // The more evenly a system is shared, the whiter its star.
      const share = summary.leaderShips / Math.max(1, summary.ships);
      paint(star, mixed(colour, 0xffffff, 0.65 * (1 - share)), lights.get(star.place.sid) ?? 0);
    }
    this.scaleShown = 0;
  }

  /** Battles and deaths of the newest turn flash over the time the turn takes. */
  flash(news: readonly SystemNews[], periodMs: number): void {
    const tid = news[0]?.tid ?? this.newsTid;
    if (tid === this.newsTid) return;
    this.newsTid = tid;
    for (const each of news) {
      const place = this.bySid.get(each.sid);
      if (place === undefined) continue;
      const delayMs = this.isCalm() ? 0 : Math.random() * periodMs * 0.9;
      const at = { x: place.x + 0.5, y: place.y + 0.5 };
      const size =
        (this.starPixels * (2 + 0.5 * Math.log2(1 + each.battles))) / Math.max(this.scaleShown, 0.5);
      const square = (width: number, alpha: number) => ({ ...at, width, height: width, alpha });
      this.effects.add({
        texture: this.textures.glow,
        tint: FLASH_COLOUR,
        delayMs,
        lifeMs: 700,
        from: square(size * 0.5, 0.75),
        to: square(size, 0),
      });
      if (each.deaths === 0) continue;
      this.effects.add({
        texture: this.textures.glow,
        tint: DEATH_COLOUR,
        delayMs: delayMs + 120,
        lifeMs: 500,
        from: square(size * 0.5, 1),
        to: square(size * 1.3, 0),
      });
      if (this.isCalm()) continue;
      this.effects.add({
        texture: this.textures.ring,
        tint: FLASH_COLOUR,
        delayMs: delayMs + 120,
        lifeMs: 1100,
        from: square(size * 0.2, 0.8),
        to: square(size * 1.45, 0),
      });
    }
  }

  /** One frame; returns whether the picture has changed. */
  advance(camera: Camera, nowMs: number, passedMs: number): boolean {
    const scale = camera.pixelsPerUnit;
    const origin = camera.origin;
    this.container.position.set(origin.x, origin.y);
    this.container.scale.set(scale);
    if (Math.abs(scale / Math.max(this.scaleShown, 1e-9) - 1) > RESIZE_SHARE) this.resize(camera);
    const wasActive = this.effects.isActive;
    this.effects.advance(passedMs);
    const place = this.hovered === null ? null : { x: this.hovered.x + 0.5, y: this.hovered.y + 0.5 };
    this.reticle.show(place, 8 / scale, nowMs, this.isCalm());
    return wasActive || place !== null;
  }

  private resize(camera: Camera): void {
    const scale = camera.pixelsPerUnit;
    this.scaleShown = scale;
    const whole = Math.min(camera.frame.width, camera.frame.height) / MAP_SIZE;
    const pixels = this.starPixels * Math.max(whole, 0.7) ** 0.3 * Math.max(1, scale / whole) ** GROWTH;
    for (const { halo, core, light } of this.stars) {
      const haloSize = (pixels * (1.5 + 2.8 * light)) / scale / this.textures.glow.width;
      const coreSize = (pixels * (0.34 + 0.34 * light)) / scale / this.textures.core.width;
      halo.scaleX = haloSize;
      halo.scaleY = haloSize;
      core.scaleX = coreSize;
      core.scaleY = coreSize;
    }
    this.halos.update();
    this.cores.update();
  }
}

function paint(star: { halo: Particle; core: Particle; light: number }, colour: number, light: number): void {
  star.light = light;
  star.halo.color = packed(colour, 0.16 + 0.5 * light);
  star.core.color = packed(mixed(colour, 0xffffff, 0.45 + 0.35 * light), 0.5 + 0.5 * light);
}

/** As the GPU takes it, 0xAABBGGRR. Pixi's own setters parse a colour each time, too slow for a whole galaxy. */
function packed(colour: number, alpha: number): number {
  const bgr = ((colour & 0xff) << 16) | (colour & 0xff00) | (colour >> 16);
  return ((Math.round(alpha * 255) << 24) | bgr) >>> 0;
}
