import type { Entity } from '../sql/system';
import { mixed } from '../view/colour';
import { NODE_COLOUR, SHIELD_FULL, strategyLook } from '../view/look';
import type { Pose } from '../view/motion';
import { growthOf, SHIP_LENGTH, upgradesOf } from '../view/size';
import type { Brush } from './brush';

/** What a picture of a system is seen through. */
export interface Lens {
  /** By how much figures and effects are enlarged. */
  readonly swell: number;
  /** In pixels a cell. */
  readonly scale: number;
  readonly nowMs: number;
  readonly isCalm: boolean;
}

/** An entity on the screen; measures are in cells. Its light is drawn under everything that is solid. */
export interface Figure {
  show(entity: Entity): void;
  /** `at` is where it is drawn, `alpha` how far it has come or gone. */
  drawLight(brush: Brush, at: { x: number; y: number }, pose: Pose, lens: Lens, alpha: number): void;
  drawBody(brush: Brush, at: { x: number; y: number }, pose: Pose, lens: Lens, alpha: number): void;
}

const SHIELD_RADIUS = 0.86;
const SHIELD_COLOUR = 0x9fd8ff;
const SHIELD_LOW_COLOUR = 0xff7a62;
const SHIELD_LOW = 0.35;
/** Of a whole circle. */
const SHIELD_STEPS = 30;
/** A ship of so many upgrades is a titan to the eye. */
const MIGHTY = 150;

/** A ship: the hull in its strategy's colour, larger with upgrades; guns, flame and ring tell blasters, speed, shield. */
export class ShipFigure implements Figure {
  private shape = 0;
  colour = 0xffffff;
  private pale = 0xffffff;
  private paler = 0xffffff;
  private length = SHIP_LENGTH;
  private guns = 0;
  private thrust = 0;
  private shield = 1;
  private glow = 0.5;
  private might = 0;

  show(entity: Entity): void {
    const { colour, shape } = strategyLook(entity.strategy ?? '');
    this.shape = shape;
    this.colour = colour;
    this.pale = mixed(colour, 0xffffff, 0.14);
    this.paler = mixed(colour, 0xffffff, 0.35);
    this.length = SHIP_LENGTH * growthOf(entity);
    // Guns grow out of the hull with the blasters; the newest ship has two, and they are hidden under it.
    this.guns = entity.blasters > 2 ? 0.73 + 0.12 * Math.log2(entity.blasters / 2) : 0;
    this.thrust = 0.5 + 0.24 * Math.log2(1 + entity.thrusters);
    this.shield = Math.min(entity.shield / SHIELD_FULL, 1);
    this.glow = Math.min(0.3 + 0.06 * Math.log2(1 + entity.energy / 50), 0.8);
    this.might = Math.min(1, upgradesOf(entity) / MIGHTY);
  }

  drawLight(brush: Brush, at: { x: number; y: number }, pose: Pose, lens: Lens, alpha: number): void {
    const length = this.length * lens.swell;
    const { glow, flame, glint } = brush.atlas;
    brush.dot(glow, at.x, at.y, length * 2.5, this.colour, this.glow * alpha);
    if (this.might > 0.25) {
      const turn = lens.isCalm ? 0 : lens.nowMs / 4200;
      brush.draw(glint, at.x, at.y, length * 3.4, length * 3.4, turn, this.paler, 0.3 * this.might * alpha);
    }
    if (pose.speed <= 0) return;
    const flameLength = length * (0.12 + this.thrust * (0.2 + pose.speed));
    const back = length * 0.24 + flameLength / 2;
    brush.draw(
      flame,
      at.x - Math.cos(pose.heading) * back,
      at.y - Math.sin(pose.heading) * back,
      flameLength,
      length * 0.24,
      pose.heading,
      this.paler,
      pose.speed * alpha,
    );
  }

  drawBody(brush: Brush, at: { x: number; y: number }, pose: Pose, lens: Lens, alpha: number): void {
    const length = this.length * lens.swell;
    const { guns, hulls, core } = brush.atlas;
    if (this.guns > 0) {
      const size = length * this.guns;
      brush.draw(guns, at.x, at.y, size, size, pose.heading, this.paler, alpha);
    }
    const hull = hulls[this.shape % hulls.length]?.whole ?? core;
    brush.draw(hull, at.x, at.y, length, length, pose.heading, this.pale, alpha);
    this.drawShield(brush, at, length, lens, alpha);
  }

  private drawShield(
    brush: Brush,
    at: { x: number; y: number },
    length: number,
    lens: Lens,
    alpha: number,
  ): void {
    const { shield } = this;
    const width = Math.max(length * 0.045, 1.3 / lens.scale);
    const radius = length * SHIELD_RADIUS;
    const start = -Math.PI / 2;
    // A whole shield is the rule: it is hinted at where there is room for it.
    if (shield >= 1) {
      const near = Math.min(Math.max((length * lens.scale - 26) / 60, 0), 1);
      brush.dot(brush.atlas.ring, at.x, at.y, (radius * 2 * 128) / 112, SHIELD_COLOUR, 0.16 * near * alpha);
      return;
    }
    if (shield <= 0) return;
    const colour = shield > SHIELD_LOW ? SHIELD_COLOUR : SHIELD_LOW_COLOUR;
    const steps = Math.max(1, Math.round(SHIELD_STEPS * shield));
    const strength = 0.35 + 0.5 * (1 - shield);
    brush.arc(
      at.x,
      at.y,
      radius,
      start,
      start + shield * Math.PI * 2,
      width,
      colour,
      strength * alpha,
      steps,
    );
  }
}

/** A node: a light as strong as its energy. */
export class NodeFigure implements Figure {
  private strength = 0;
  private phase = 0;
  private glowColour = NODE_COLOUR;
  private readonly coreColour = mixed(NODE_COLOUR, 0xffffff, 0.5);

  show(entity: Entity): void {
    // 0 for an empty node, 1 for a new one (100), 4.6 for the limit of 65,535.
    this.strength = Math.log2(1 + entity.energy / 100) ** 0.7;
    this.phase = entity.eid * 2.4;
    this.glowColour = mixed(NODE_COLOUR, 0xfff1d6, Math.min(0.8, this.strength / 5));
  }

  drawLight(brush: Brush, at: { x: number; y: number }, _: Pose, lens: Lens, alpha: number): void {
    const breath = lens.isCalm ? 1 : 1 + 0.07 * Math.sin(lens.nowMs / 900 + this.phase);
    const { glow, core } = brush.atlas;
    const light = Math.min(0.95, 0.22 + 0.4 * this.strength);
    brush.dot(
      glow,
      at.x,
      at.y,
      (0.5 + 1.8 * this.strength) * breath * lens.swell,
      this.glowColour,
      light * alpha,
    );
    brush.dot(core, at.x, at.y, (0.34 + 0.2 * this.strength) * lens.swell, this.coreColour, alpha);
  }

  drawBody(): void {}
}
