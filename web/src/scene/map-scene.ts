import { Container, Particle, ParticleContainer, Sprite } from 'pixi.js';
import type { SystemNews, SystemPlace, SystemSummary } from '../sql/systems';
import type { Camera } from '../view/camera';
import { mixed } from '../view/colour';
import { strategyColour } from '../view/look';
import { brightness, MAP_SIZE, type StarField } from '../view/star-field';
import { Flashes } from './flashes';
import { Reticle } from './reticle';
import type { Textures } from './textures';

const BULGE_COLOUR = 0xffb27a;
const UNKNOWN_COLOUR = 0x8fa3c8;
/** Stars grow with the zoom, but slower than the space between them. */
const GROWTH = 0.55;
/** All stars are resized when the zoom has changed by this share; before, nobody sees the difference. */
const RESIZE_SHARE = 0.04;

/** In crowded places stars are smaller, but not smaller than this share. */
const ROOM_MIN = 0.48;
/** Where many battles are fought at once, each shines less: so many flash in full. */
const FLASHES_IN_FULL = 25;

interface Star {
  readonly place: SystemPlace;
  readonly halo: Particle;
  readonly core: Particle;
  /** Between 0 and 1. */
  light: number;
  readonly room: number;
}

/** All systems as stars: the colour tells who leads, the light how strong the ships are. */
export class MapScene {
  readonly container = new Container();
  private readonly halos: ParticleContainer;
  private readonly cores: ParticleContainer;
  private readonly bulge: Sprite;
  private readonly flashes: Flashes;
  private readonly reticle: Reticle;
  private stars: Star[] = [];
  private bySid = new Map<number, Star>();
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
    this.bulge = new Sprite({
      texture: textures.glow,
      anchor: 0.5,
      blendMode: 'add',
      tint: BULGE_COLOUR,
      alpha: 0,
    });
    this.flashes = new Flashes(textures, isCalm);
    this.reticle = new Reticle(textures);
    this.container.addChild(
      this.bulge,
      this.halos,
      this.cores,
      this.flashes.container,
      this.reticle.container,
    );
  }

  setPlaces(field: StarField): void {
    // Closer stars are drawn smaller, so that thirty thousand are a galaxy and not a fog.
    this.starPixels = Math.min(9, Math.max(3, 270 / Math.sqrt(Math.max(1, field.places.length))));
    this.stars = field.places.map((place) => {
      const at = { x: place.x + 0.5, y: place.y + 0.5, anchorX: 0.5, anchorY: 0.5 };
      const halo = new Particle({ ...at, texture: this.textures.glow });
      const core = new Particle({ ...at, texture: this.textures.core });
      const star = {
        place,
        halo,
        core,
        light: 0.3,
        room: Math.min(Math.max(field.room(place), ROOM_MIN), 1),
      };
      paint(star, UNKNOWN_COLOUR, 0.3);
      return star;
    });
    this.bySid = new Map(this.stars.map((star) => [star.place.sid, star]));
    this.halos.particleChildren = this.stars.map((star) => star.halo);
    this.cores.particleChildren = this.stars.map((star) => star.core);
    this.scaleShown = 0;
    this.placeBulge();
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
      const share = summary.leaderEnergy / Math.max(1, summary.energy);
      paint(star, mixed(colour, 0xffffff, 0.5 * (1 - share)), lights.get(star.place.sid) ?? 0);
    }
    this.scaleShown = 0;
  }

  /** Battles and deaths of the newest turn flash over the time the turn takes. */
  flash(news: readonly SystemNews[], periodMs: number): void {
    const tid = news[0]?.tid ?? this.newsTid;
    if (tid === this.newsTid) return;
    this.newsTid = tid;
    const share = Math.min(1, FLASHES_IN_FULL / news.length);
    for (const each of news) {
      const star = this.bySid.get(each.sid);
      if (star === undefined) continue;
      const size = (this.starPixels * star.room) / Math.max(this.scaleShown, 0.5);
      const delayMs = this.isCalm() ? 0 : Math.random() * periodMs * 0.9;
      this.flashes.battle(
        star.place,
        size * (2 + 0.5 * Math.log2(1 + each.battles)),
        0.3 + 0.4 * share,
        delayMs,
      );
      if (each.deaths > 0) this.flashes.death(star.place, size * 2.6, 0.35 + 0.5 * share, delayMs + 120);
    }
  }

  /** One frame; returns whether the picture has changed. */
  advance(camera: Camera, nowMs: number, passedMs: number): boolean {
    const scale = camera.pixelsPerUnit;
    const origin = camera.origin;
    this.container.position.set(origin.x, origin.y);
    this.container.scale.set(scale);
    if (Math.abs(scale / Math.max(this.scaleShown, 1e-9) - 1) > RESIZE_SHARE) this.resize(camera);
    const wasActive = this.flashes.isActive;
    this.flashes.advance(passedMs);
    const place = this.hovered === null ? null : { x: this.hovered.x + 0.5, y: this.hovered.y + 0.5 };
    this.reticle.show(place, 8 / scale, nowMs, this.isCalm());
    return wasActive || place !== null;
  }

  /** The haze where the stars are densest: around their middle, each weighted by how crowded it is. */
  private placeBulge(): void {
    this.bulge.alpha = this.stars.length < 2 ? 0 : 0.2;
    if (this.bulge.alpha === 0) return;
    const weight = this.stars.reduce((sum, star) => sum + star.room ** -2, 0);
    const mean = (of: (star: Star) => number): number =>
      this.stars.reduce((sum, star) => sum + of(star) * star.room ** -2, 0) / weight;
    const x = mean((star) => star.place.x);
    const y = mean((star) => star.place.y);
    const spread = Math.sqrt(mean((star) => (star.place.x - x) ** 2 + (star.place.y - y) ** 2));
    this.bulge.position.set(x + 0.5, y + 0.5);
    this.bulge.setSize(Math.min(spread * 5, MAP_SIZE * 1.4));
  }

  private resize(camera: Camera): void {
    const scale = camera.pixelsPerUnit;
    this.scaleShown = scale;
    const whole = Math.min(camera.frame.width, camera.frame.height) / MAP_SIZE;
    const pixels = this.starPixels * Math.max(whole, 0.7) ** 0.3 * Math.max(1, scale / whole) ** GROWTH;
    for (const { halo, core, light, room } of this.stars) {
      const haloSize = (pixels * room * (1.4 + 2.6 * light)) / scale / this.textures.glow.width;
      const coreSize = (pixels * room * (0.4 + 0.34 * light)) / scale / this.textures.core.width;
      halo.scaleX = haloSize;
      halo.scaleY = haloSize;
      core.scaleX = coreSize;
      core.scaleY = coreSize;
    }
    this.halos.update();
    this.cores.update();
  }
}

function paint(star: Star, colour: number, light: number): void {
  star.light = light;
  star.halo.color = packed(colour, 0.14 + 0.42 * light);
  star.core.color = packed(mixed(colour, 0xffffff, 0.45 + 0.35 * light), 0.5 + 0.5 * light);
}

/** As the GPU takes it, 0xAABBGGRR. Pixi's own setters parse a colour each time, too slow for a whole galaxy. */
function packed(colour: number, alpha: number): number {
  const bgr = ((colour & 0xff) << 16) | (colour & 0xff00) | (colour >> 16);
  return ((Math.round(alpha * 255) << 24) | bgr) >>> 0;
}
