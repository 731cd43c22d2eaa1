import type { Container } from 'pixi.js';
import type { SystemPlace } from '../sql/systems';
import { EffectLayer, type MoteState } from './effect-layer';
import type { Textures } from './textures';

const BATTLE_COLOUR = 0xff8a5c;
const DEATH_COLOUR = 0xfff0d8;

/** What is seen of battles from afar. Sizes are in cells of the map. */
export class Flashes {
  private readonly layer = new EffectLayer();

  constructor(
    private readonly textures: Textures,
    private readonly isCalm: () => boolean,
  ) {}

  get container(): Container {
    return this.layer.container;
  }

  get isActive(): boolean {
    return this.layer.isActive;
  }

  advance(passedMs: number): void {
    this.layer.advance(passedMs);
  }

  battle(place: SystemPlace, size: number, alpha: number, delayMs: number): void {
    const from = around(place, size * 0.5, alpha);
    this.layer.add({
      texture: this.textures.glow,
      tint: BATTLE_COLOUR,
      delayMs,
      lifeMs: 700,
      from,
      to: around(place, size, 0),
    });
  }

  /** A burst of light, and a ring that runs from it. */
  death(place: SystemPlace, size: number, alpha: number, delayMs: number): void {
    const { glow, ring } = this.textures;
    const from = around(place, size * 0.5, alpha);
    this.layer.add({
      texture: glow,
      tint: DEATH_COLOUR,
      delayMs,
      lifeMs: 500,
      from,
      to: around(place, size * 1.3, 0),
    });
    if (this.isCalm()) return;
    const inner = around(place, size * 0.2, alpha * 0.8);
    this.layer.add({
      texture: ring,
      tint: BATTLE_COLOUR,
      delayMs,
      lifeMs: 1000,
      from: inner,
      to: around(place, size * 1.5, 0),
    });
  }
}

function around(place: SystemPlace, size: number, alpha: number): MoteState {
  return { x: place.x + 0.5, y: place.y + 0.5, width: size, height: size, alpha };
}
