import { mixed } from '../view/colour';
import type { Effect } from '../view/effects';
import { strategyColour } from '../view/look';
import type { EffectLayer, MoteState } from './effect-layer';
import type { Textures } from './textures';

const WHITE_HOT = 0xfff2df;
const FIRE = 0xff9a5c;
const GOLD = 0xffd08a;
const BATTLE_SHOTS = 3;

/** How each effect looks: the one place where effects become light. Measures are in cells. */
export class Fireworks {
  /** Without motion, an effect is a light that glows and fades where it is. */
  constructor(
    private readonly layer: EffectLayer,
    private readonly textures: Textures,
    private readonly isCalm: () => boolean,
    private readonly whereIs: (eid: number) => { x: number; y: number } | null,
  ) {}

  /** `arrivalMs`: until the ships have come to the end of their way; the rest of the turn is `restMs`. */
  play(effect: Effect, arrivalMs: number, restMs: number): void {
    const x = effect.x + 0.5;
    const y = effect.y + 0.5;
    if (this.isCalm()) {
      this.light(x, y, effect.kind === 'battle' || effect.kind === 'death' ? FIRE : GOLD, arrivalMs, 500, 3);
      return;
    }
    switch (effect.kind) {
      case 'spawn':
        if (effect.strategy === null) this.light(x, y, GOLD, 0, 600, 2);
        else this.spawn(x, y, strategyColour(effect.strategy));
        break;
      case 'battle':
        this.battle(x, y, effect.eids, arrivalMs, restMs);
        break;
      case 'death':
        this.death(x, y, strategyColour(effect.strategy ?? ''), arrivalMs + restMs * 0.6);
        break;
      case 'starve':
        this.light(x, y, 0x8a93a8, arrivalMs, 500, 1.6);
        break;
      case 'harvest':
        this.harvest(x, y, effect.eid, arrivalMs);
        break;
    }
  }

  private spawn(x: number, y: number, colour: number): void {
    const { ring, core } = this.textures;
    this.layer.add({
      texture: ring,
      tint: colour,
      delayMs: 0,
      lifeMs: 700,
      from: at(x, y, 6, 0),
      to: at(x, y, 1.2, 0.9),
    });
    this.layer.add({
      texture: core,
      tint: WHITE_HOT,
      delayMs: 500,
      lifeMs: 450,
      from: at(x, y, 2.4, 0.9),
      to: at(x, y, 0.4, 0),
    });
  }

  private battle(x: number, y: number, eids: readonly number[], arrivalMs: number, restMs: number): void {
    const fighters = eids.map((eid) => this.whereIs(eid)).filter((place) => place !== null);
    const step = Math.max(60, restMs / BATTLE_SHOTS);
    for (let shot = 0; shot < BATTLE_SHOTS; shot += 1) {
      const delayMs = arrivalMs + shot * step;
      this.light(x, y, shot % 2 === 0 ? WHITE_HOT : FIRE, delayMs, 240, 3.6);
      fighters.forEach((from, rank) => {
        const to = fighters[(rank + 1 + (shot % Math.max(1, fighters.length - 1))) % fighters.length];
        if (to !== undefined && to !== from) this.beam(from, to, delayMs);
      });
    }
    this.layer.add({
      texture: this.textures.ring,
      tint: FIRE,
      delayMs: arrivalMs,
      lifeMs: 650,
      from: at(x, y, 0.8, 0.55),
      to: at(x, y, 4.4, 0),
    });
    this.sparks(x, y, FIRE, 7, 1.8, arrivalMs, 520);
  }

  private beam(from: { x: number; y: number }, to: { x: number; y: number }, delayMs: number): void {
    const x = (from.x + to.x) / 2;
    const y = (from.y + to.y) / 2;
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    this.layer.add({
      texture: this.textures.beam,
      tint: WHITE_HOT,
      delayMs,
      lifeMs: 200,
      rotation: Math.atan2(to.y - from.y, to.x - from.x),
      from: { x, y, width: length, height: 0.5, alpha: 1 },
      to: { x, y, width: length, height: 0.15, alpha: 0 },
    });
  }

  private death(x: number, y: number, colour: number, delayMs: number): void {
    const { ring, glow } = this.textures;
    this.light(x, y, WHITE_HOT, delayMs, 380, 7);
    this.layer.add({
      texture: glow,
      tint: colour,
      delayMs,
      lifeMs: 1300,
      from: at(x, y, 4, 0.9),
      to: at(x, y, 11, 0),
    });
    this.layer.add({
      texture: ring,
      tint: mixed(colour, 0xffffff, 0.5),
      delayMs,
      lifeMs: 900,
      from: at(x, y, 0.6, 0.9),
      to: at(x, y, 9, 0),
    });
    this.layer.add({
      texture: ring,
      tint: FIRE,
      delayMs: delayMs + 90,
      lifeMs: 700,
      from: at(x, y, 0.4, 0.6),
      to: at(x, y, 5.5, 0),
    });
    this.sparks(x, y, mixed(colour, FIRE, 0.4), 22, 5, delayMs, 1100);
  }

  private harvest(x: number, y: number, eid: number, delayMs: number): void {
    const ship = this.whereIs(eid) ?? { x, y };
    this.layer.add({
      texture: this.textures.glint,
      tint: GOLD,
      delayMs,
      lifeMs: 620,
      rotation: (eid % 8) * 0.4,
      from: at(x, y, 0.8, 1),
      to: at(ship.x, ship.y, 3, 0),
    });
    for (let mote = 0; mote < 4; mote += 1) {
      const angle = (eid + mote * 1.7) % (Math.PI * 2);
      this.layer.add({
        texture: this.textures.core,
        tint: GOLD,
        delayMs: delayMs + mote * 60,
        lifeMs: 480,
        from: at(x + Math.cos(angle) * 1.5, y + Math.sin(angle) * 1.5, 0.32, 0),
        to: at(ship.x, ship.y, 0.2, 0.95),
      });
    }
  }

  private light(x: number, y: number, tint: number, delayMs: number, lifeMs: number, size: number): void {
    this.layer.add({
      texture: this.textures.glow,
      tint,
      delayMs,
      lifeMs,
      from: at(x, y, size * 0.6, 1),
      to: at(x, y, size, 0),
    });
  }

  private sparks(
    x: number,
    y: number,
    tint: number,
    count: number,
    reach: number,
    delayMs: number,
    lifeMs: number,
  ): void {
    for (let spark = 0; spark < count; spark += 1) {
      const angle = (spark / count) * Math.PI * 2 + Math.random() * 0.5;
      const far = reach * (0.4 + Math.random() * 0.6);
      this.layer.add({
        texture: this.textures.core,
        tint,
        delayMs,
        lifeMs: lifeMs * (0.6 + Math.random() * 0.4),
        from: at(x, y, 0.5, 1),
        to: at(x + Math.cos(angle) * far, y + Math.sin(angle) * far, 0.12, 0),
      });
    }
  }
}

function at(x: number, y: number, size: number, alpha: number): MoteState {
  return { x, y, width: size, height: size, alpha };
}
