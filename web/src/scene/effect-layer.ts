import { Container, Sprite, type Texture } from 'pixi.js';

/** One light in motion: from `from` to `to` over its life, then gone. */
export interface Mote {
  readonly texture: Texture;
  readonly tint: number;
  readonly delayMs: number;
  readonly lifeMs: number;
  readonly from: MoteState;
  readonly to: MoteState;
  readonly rotation?: number;
}

export interface MoteState {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly alpha: number;
}

interface Living {
  readonly mote: Mote;
  readonly sprite: Sprite;
  ageMs: number;
}

/** So that a great battle cannot slow the page. */
const MOTES_MAX = 1500;

/** Flashes, beams, sparks: everything that is seen once. Sprites are kept for reuse. */
export class EffectLayer {
  readonly container = new Container();
  private readonly living: Living[] = [];
  private readonly idle: Sprite[] = [];

  get isActive(): boolean {
    return this.living.length > 0;
  }

  add(mote: Mote): void {
    if (this.living.length >= MOTES_MAX) return;
    const sprite = this.idle.pop() ?? new Sprite({ anchor: 0.5, blendMode: 'add' });
    sprite.texture = mote.texture;
    sprite.tint = mote.tint;
    sprite.rotation = mote.rotation ?? 0;
    sprite.visible = false;
    this.container.addChild(sprite);
    this.living.push({ mote, sprite, ageMs: -mote.delayMs });
  }

  advance(passedMs: number): void {
    for (let i = this.living.length - 1; i >= 0; i -= 1) {
      const living = this.living[i];
      if (living === undefined) continue;
      living.ageMs += passedMs;
      const share = living.ageMs / living.mote.lifeMs;
      if (share >= 1) this.retire(i, living);
      else if (share >= 0) show(living, share);
    }
  }

  clear(): void {
    for (let i = this.living.length - 1; i >= 0; i -= 1) {
      const living = this.living[i];
      if (living !== undefined) this.retire(i, living);
    }
  }

  private retire(place: number, living: Living): void {
    living.sprite.removeFromParent();
    this.idle.push(living.sprite);
    const last = this.living.pop();
    if (last !== undefined && last !== living) this.living[place] = last;
  }
}

function show({ mote, sprite }: Living, share: number): void {
  const { from, to } = mote;
  // Fast at first, slow at the end, as light that spreads.
  const way = 1 - (1 - share) ** 2.4;
  const between = (a: number, b: number): number => a + (b - a) * way;
  sprite.visible = true;
  sprite.position.set(between(from.x, to.x), between(from.y, to.y));
  sprite.setSize(between(from.width, to.width), between(from.height, to.height));
  sprite.alpha = from.alpha + (to.alpha - from.alpha) * share;
}
