import { Container, Graphics, Sprite, type Texture } from 'pixi.js';
import type { Entity } from '../sql/system';
import { mixed } from '../view/colour';
import { strategyLook } from '../view/look';
import type { Pose } from '../view/motion';
import type { Textures } from './textures';

const SHIELD_FULL = 100;
/** The length of a ship without upgrades, in cells. */
export const SHIP_LENGTH = 1.5;
const SHIELD_RADIUS = 1.12;
/** Pixi divides an arc by its radius in its own unit: drawn in a finer unit it stays round when seen from near. */
export const FINE = 64;
const SHIELD_COLOUR = 0x9fd8ff;
const SHIELD_LOW_COLOUR = 0xff8f7a;
const NODE_COLOUR = 0xffc46b;

/** An entity on the screen; measures are in cells. */
export interface Figure {
  readonly container: Container;
  show(entity: Entity): void;
  /** `swell` enlarges figures where cells are only a few pixels wide, so that they stay visible. */
  move(pose: Pose, swell: number, nowMs: number): void;
}

/** A ship: the hull in its strategy's colour, larger with upgrades; guns, flame and ring tell blasters, speed, shield. */
export class ShipFigure implements Figure {
  readonly container = new Container();
  private readonly body = new Container();
  private readonly glow: Sprite;
  private readonly flame: Sprite;
  private readonly guns: Sprite;
  private readonly hull: Sprite;
  private readonly shield = new Graphics();
  private shieldShown = -1;
  private thrust = 0;

  constructor(private readonly textures: Textures) {
    this.glow = new Sprite({ texture: textures.glow, anchor: 0.5, blendMode: 'add', alpha: 0.55 });
    this.flame = new Sprite({ texture: textures.flame, anchor: { x: 1, y: 0.5 }, blendMode: 'add' });
    this.flame.position.x = -0.34;
    this.guns = new Sprite({ texture: textures.guns, anchor: 0.5 });
    this.hull = new Sprite({ texture: hullIn(textures, 0), anchor: 0.5 });
    this.glow.setSize(4);
    this.hull.setSize(SHIP_LENGTH);
    this.body.addChild(this.flame, this.guns, this.hull);
    this.shield.scale.set(1 / FINE);
    this.container.addChild(this.glow, this.body, this.shield);
  }

  show(entity: Entity): void {
    const { colour, shape } = strategyLook(entity.strategy ?? '');
    this.hull.texture = hullIn(this.textures, shape);
    const upgrades = Math.max(0, entity.blasters + entity.thrusters + entity.harvesters - 6);
    this.glow.tint = colour;
    this.flame.tint = mixed(colour, 0xffffff, 0.35);
    this.guns.tint = mixed(colour, 0xffffff, 0.25);
    this.hull.tint = mixed(colour, 0xffffff, 0.12);
    this.body.scale.set(1 + 0.13 * Math.log2(1 + upgrades));
    // Guns grow out of the hull with the blasters; the newest ship has two, and they are hidden under it.
    this.guns.setSize(1.1 + 0.18 * Math.log2(Math.max(1, entity.blasters / 2)));
    this.guns.alpha = entity.blasters > 2 ? 1 : 0;
    this.thrust = 0.7 + 0.35 * Math.log2(1 + entity.thrusters);
    if (entity.shield !== this.shieldShown) this.drawShield(entity.shield);
  }

  move(pose: Pose, swell: number): void {
    this.container.position.set(pose.x, pose.y);
    this.container.scale.set(swell);
    this.body.rotation = pose.heading;
    this.flame.alpha = pose.speed;
    this.flame.setSize(0.2 + this.thrust * (0.3 + pose.speed), 0.34);
  }

  private drawShield(shield: number): void {
    this.shieldShown = shield;
    const share = Math.min(shield / SHIELD_FULL, 1);
    const start = -Math.PI / 2;
    const radius = SHIELD_RADIUS * FINE;
    this.shield.clear();
    this.shield.circle(0, 0, radius).stroke({ width: 0.05 * FINE, color: SHIELD_COLOUR, alpha: 0.07 });
    if (share <= 0) return;
    this.shield.beginPath();
    this.shield.arc(0, 0, radius, start, start + share * Math.PI * 2).stroke({
      width: 0.07 * FINE,
      color: share > 0.35 ? SHIELD_COLOUR : SHIELD_LOW_COLOUR,
      alpha: 0.16 + 0.5 * (1 - share),
    });
  }
}

function hullIn({ hulls, core }: Textures, shape: number): Texture {
  return hulls[shape % hulls.length] ?? core;
}

/** A node: a light as strong as its energy. */
export class NodeFigure implements Figure {
  readonly container = new Container();
  private readonly glow: Sprite;
  private readonly core: Sprite;
  private phase = 0;
  private strength = 0;

  constructor(textures: Textures) {
    this.glow = new Sprite({ texture: textures.glow, anchor: 0.5, blendMode: 'add' });
    this.core = new Sprite({ texture: textures.core, anchor: 0.5, blendMode: 'add' });
    this.container.addChild(this.glow, this.core);
  }

  show(entity: Entity): void {
    // 0 for an empty node, 1 for a new one (100), 4.6 for the limit of 65,535.
    this.strength = Math.log2(1 + entity.energy / 100) ** 0.7;
    this.phase = entity.eid * 2.4;
    this.glow.tint = mixed(NODE_COLOUR, 0xfff1d6, Math.min(0.8, this.strength / 5));
    this.core.tint = mixed(NODE_COLOUR, 0xffffff, 0.5);
    this.core.setSize(0.34 + 0.22 * this.strength);
  }

  move(pose: Pose, swell: number, nowMs: number): void {
    const breath = 1 + 0.07 * Math.sin(nowMs / 900 + this.phase);
    this.container.position.set(pose.x, pose.y);
    this.container.scale.set(swell);
    this.glow.setSize((0.5 + 2 * this.strength) * breath);
    this.glow.alpha = Math.min(0.95, 0.22 + 0.4 * this.strength);
  }
}
