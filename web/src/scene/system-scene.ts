import { Container, Sprite } from 'pixi.js';
import type { Entity, SystemState } from '../sql/system';
import { effectsOf, newestTid } from '../view/effects';
import { type Leg, legTo, type Pose, places, poseOn, TRAVEL_SHARE } from '../view/motion';
import { EffectLayer } from './effect-layer';
import { type Figure, NodeFigure, SHIP_LENGTH, ShipFigure } from './figures';
import { Fireworks } from './fireworks';
import { Grid } from './grid';
import { Reticle } from './reticle';
import type { Textures } from './textures';

/** An entity on its way through the turn. */
interface Actor {
  entity: Entity;
  figure: Figure;
  leg: Leg;
  pose: Pose;
  /** When it is first seen, and when it is gone; a fade goes before and after. */
  readonly bornMs: number;
  goneMs: number;
}

const FADE_MS = 420;
/** A ship is drawn at least so many pixels long, whatever the zoom. */
const SHIP_PIXELS_MIN = 19;

/** One system from inside. Its unit is the cell; the page's camera places and scales `container`. */
export class SystemScene {
  readonly container = new Container();
  private readonly grid = new Grid();
  private readonly sun: Sprite;
  private readonly nodes = new Container();
  private readonly ships = new Container();
  private readonly effects = new EffectLayer();
  private readonly reticle: Reticle;
  private readonly fireworks: Fireworks;
  private readonly actors = new Map<number, Actor>();
  private leaving: Actor[] = [];
  private state: SystemState | null = null;
  private drawnTid = 0;
  private turnStartedMs = 0;
  private turnMs = 1000;
  selected: number | null = null;

  constructor(
    private readonly textures: Textures,
    private readonly isCalm: () => boolean,
  ) {
    this.sun = new Sprite({
      texture: textures.glow,
      anchor: 0.5,
      blendMode: 'add',
      alpha: 0.1,
      tint: 0x7fa6ff,
    });
    this.sun.position.set(50, 50);
    this.sun.setSize(150);
    this.reticle = new Reticle(textures);
    this.fireworks = new Fireworks(this.effects, textures, isCalm, (eid) => {
      const leg = this.actors.get(eid)?.leg;
      return leg === undefined ? null : { x: leg.toX, y: leg.toY };
    });
    this.container.addChild(
      this.sun,
      this.grid.container,
      this.nodes,
      this.ships,
      this.effects.container,
      this.reticle.container,
    );
  }

  get isEmpty(): boolean {
    return this.state === null;
  }

  clear(): void {
    for (const actor of [...this.actors.values(), ...this.leaving])
      actor.figure.container.destroy({ children: true });
    this.actors.clear();
    this.leaving = [];
    this.effects.clear();
    this.state = null;
    this.drawnTid = 0;
  }

  /** Takes in the state at the end of a turn; everything sets off for its new cell. */
  show(state: SystemState, nowMs: number, periodMs: number): void {
    const isSameTurn = this.state !== null && state.turn === this.state.turn;
    if (!isSameTurn) {
      this.turnStartedMs = nowMs;
      this.turnMs = periodMs;
    }
    const arrivalMs = this.isCalm() ? 0 : periodMs * TRAVEL_SHARE;
    const targets = places(state.entities);
    const unseen = new Set(this.actors.keys());
    for (const entity of state.entities) {
      unseen.delete(entity.eid);
      const target = targets.get(entity.eid) ?? { x: entity.x + 0.5, y: entity.y + 0.5 };
      this.take(entity, target, nowMs, isSameTurn, arrivalMs);
    }
    for (const eid of unseen) this.dismiss(eid, nowMs + arrivalMs);
    if (!isSameTurn) {
      for (const effect of effectsOf(this.state, state, this.drawnTid)) {
        this.fireworks.play(effect, arrivalMs, periodMs - arrivalMs);
      }
    }
    this.drawnTid = newestTid(state, this.drawnTid);
    this.state = state;
  }

  /** One frame. `scale` is the pixels per cell. */
  advance(nowMs: number, passedMs: number, scale: number): void {
    const share = this.isCalm() ? 1 : (nowMs - this.turnStartedMs) / this.turnMs;
    const swell = Math.max(1, SHIP_PIXELS_MIN / (SHIP_LENGTH * scale));
    for (const actor of this.actors.values()) this.pose(actor, share, swell, nowMs);
    this.leaving = this.leaving.filter((actor) => {
      this.pose(actor, share, swell, nowMs);
      if (nowMs < actor.goneMs + FADE_MS) return true;
      actor.figure.container.destroy({ children: true });
      return false;
    });
    this.effects.advance(passedMs);
    this.grid.show(scale);
    this.reticle.show(this.poseOf(this.selected), swell, nowMs, this.isCalm());
  }

  /** Where an entity is drawn now, in cells. */
  poseOf(eid: number | null): Pose | null {
    return eid === null ? null : (this.actors.get(eid)?.pose ?? null);
  }

  /** The entity drawn nearest to a point, ships before nodes; null when none is within `reach` cells. */
  nearest(point: { x: number; y: number }, reach: number): Entity | null {
    let best: Entity | null = null;
    let bestDistance = reach;
    for (const { entity, pose } of this.actors.values()) {
      // A ship over a node is what the finger means.
      const distance =
        Math.hypot(pose.x - point.x, pose.y - point.y) + (entity.kind === 'node' ? reach * 0.25 : 0);
      if (distance < bestDistance) {
        best = entity;
        bestDistance = distance;
      }
    }
    return best;
  }

  private take(
    entity: Entity,
    target: { x: number; y: number },
    nowMs: number,
    isSameTurn: boolean,
    arrivalMs: number,
  ): void {
    const known = this.actors.get(entity.eid);
    if (known !== undefined && known.entity.kind === entity.kind) {
      known.entity = entity;
      known.figure.show(entity);
      if (!isSameTurn) known.leg = legTo(target, known.pose);
      return;
    }
    // A ship that has become a node first flies to its end; the node is lit where it dies.
    if (known !== undefined) {
      known.leg = legTo(target, known.pose);
      this.dismiss(entity.eid, nowMs + arrivalMs);
    }
    const isFirstSight = this.state === null;
    const figure = entity.kind === 'ship' ? new ShipFigure(this.textures) : new NodeFigure(this.textures);
    figure.show(entity);
    (entity.kind === 'ship' ? this.ships : this.nodes).addChild(figure.container);
    const leg = legTo(target, null);
    const bornMs = isFirstSight ? nowMs - FADE_MS : known === undefined ? nowMs : nowMs + arrivalMs;
    this.actors.set(entity.eid, {
      entity,
      figure,
      leg,
      pose: poseOn(leg, 0),
      bornMs,
      goneMs: Number.POSITIVE_INFINITY,
    });
  }

  private dismiss(eid: number, goneMs: number): void {
    const actor = this.actors.get(eid);
    if (actor === undefined) return;
    actor.goneMs = goneMs;
    this.actors.delete(eid);
    this.leaving.push(actor);
  }

  private pose(actor: Actor, share: number, swell: number, nowMs: number): void {
    actor.pose = poseOn(actor.leg, share);
    actor.figure.move(actor.pose, swell, nowMs);
    const coming = (nowMs - actor.bornMs) / FADE_MS;
    const going = 1 - (nowMs - actor.goneMs) / FADE_MS;
    actor.figure.container.alpha = Math.min(Math.max(Math.min(coming, going), 0), 1);
  }
}
