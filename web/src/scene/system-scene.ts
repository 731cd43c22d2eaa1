import { Container } from 'pixi.js';
import { gradeOf, type Ranked } from '../sql/ranks';
import type { Look } from '../sql/ship';
import type { Entity, SystemState } from '../sql/system';
import { effectsOf, fallenOf, newestTid } from '../view/effects';
import { type Stand, stands } from '../view/formation';
import { strategyColour } from '../view/look';
import { drawnAt, type Leg, legTo, type Pose, poseOn, TRAVEL_SHARE } from '../view/motion';
import { readPlan } from '../view/plan';
import { swellAt } from '../view/size';
import type { Tracks } from '../view/track';
import type { Atlas } from './atlas';
import { Brush } from './brush';
import { type Figure, type Lens, NodeFigure, ShipFigure } from './figures';
import { Fireworks } from './fireworks';
import { drawGrid } from './grid';
import { drawPlan, drawReticle, drawSeen, drawSeenNode, drawSight, drawTrail } from './overlay';
import { Shows } from './shows';

/** An entity on its way through the turn. */
interface Actor {
  entity: Entity;
  readonly figure: Figure;
  leg: Leg;
  pose: Pose;
  /** When it is first seen, and when it is gone; a fade goes before and after. */
  readonly bornMs: number;
  goneMs: number;
}

const FADE_MS = 420;
/** Of the time after its arrival, a ship that falls is seen so long. */
const LAST_STAND_SHARE = 0.75;
const FALL_MS = 120;
/** How much is left of ships of others while one strategy is isolated. */
const OTHERS_ALPHA = 0.16;
const SUN_COLOUR = 0x7fa6ff;
const TAIL_ALPHA = 0.22;
/** Below the middle of a ship its label begins, in cells. */
const LABEL_BELOW = 1.9;

/** One system from inside. Its unit is the cell; the page's camera places and scales `container`. */
export class SystemScene {
  readonly container = new Container();
  private readonly brush: Brush;
  private readonly shows = new Shows();
  private readonly fireworks: Fireworks;
  private readonly actors = new Map<number, Actor>();
  private leaving: Actor[] = [];
  private state: SystemState | null = null;
  private drawnTid = 0;
  private turnStartedMs = 0;
  private turnMs = 1000;
  private swell = 1;
  private hasSkipped = false;
  /** What the selected ship sees, and where ships have been; null where that is not known. */
  look: Look | null = null;
  tracks: Tracks | null = null;
  /** Ships that have a rank, by number, the strongest first. */
  ranks: ReadonlyMap<number, Ranked> = new Map();
  /** The strategy whose ships stand out; null: all are drawn alike. */
  isolate: string | null = null;
  selected: number | null = null;

  constructor(
    atlas: Atlas,
    private readonly isCalm: () => boolean,
  ) {
    this.brush = new Brush(atlas);
    this.fireworks = new Fireworks(this.shows, isCalm);
    this.container.addChild(this.brush.container);
  }

  /** Whether nothing is known of the system yet. */
  get isEmpty(): boolean {
    return this.state === null;
  }

  clear(): void {
    this.actors.clear();
    this.leaving = [];
    this.shows.clear();
    this.state = null;
    this.drawnTid = 0;
  }

  /** Takes in the state at the end of a turn; everything sets off for its new cell. */
  show(state: SystemState, nowMs: number, periodMs: number): void {
    const isSameTurn = this.state !== null && state.turn === this.state.turn;
    // Where frames are slow, the last one is long ago: everybody sets off from where it has come to since.
    this.move(nowMs);
    if (!isSameTurn) {
      this.turnStartedMs = nowMs;
      this.turnMs = periodMs;
      this.hasSkipped = this.state?.turn !== (state.turn ?? 0) - 1;
    }
    const arrivalMs = this.isCalm() ? 0 : periodMs * TRAVEL_SHARE;
    const restMs = periodMs - arrivalMs;
    const fallen = isSameTurn ? [] : fallenOf(this.state, state, this.drawnTid);
    const targets = stands(state.entities, fallen);
    const fallenMs = nowMs + arrivalMs + (this.isCalm() ? 0 : restMs * LAST_STAND_SHARE);
    const unseen = new Set(this.actors.keys());
    for (const ship of fallen) {
      const actor = this.actors.get(ship.eid);
      const target = targets.get(ship.eid);
      if (actor === undefined || target === undefined) continue;
      actor.leg = legTo(target, actor.pose);
      unseen.delete(ship.eid);
      this.dismiss(ship.eid, fallenMs - FADE_MS + FALL_MS);
    }
    for (const entity of state.entities) {
      unseen.delete(entity.eid);
      const middle = { x: entity.x + 0.5, y: entity.y + 0.5, dx: 0, dy: 0, facing: null };
      const hasFallen = entity.kind === 'node' && fallen.some(({ eid }) => eid === entity.eid);
      // What a ship leaves lies in the middle, wherever it fell.
      const target = hasFallen ? middle : (targets.get(entity.eid) ?? middle);
      this.take(entity, target, nowMs, isSameTurn, hasFallen ? fallenMs : nowMs + arrivalMs);
    }
    for (const eid of unseen) this.dismiss(eid, nowMs + arrivalMs);
    if (!isSameTurn) {
      const standOf = (eid: number): Stand | null => targets.get(eid) ?? null;
      for (const effect of effectsOf(this.state, state, this.drawnTid))
        this.fireworks.play(effect, { turnMs: nowMs, arrivalMs, restMs }, standOf);
    }
    this.drawnTid = newestTid(state, this.drawnTid);
    this.state = state;
  }

  /** One frame. `scale` is the pixels per cell, `pixelsMin` the least length of a ship. */
  advance(nowMs: number, scale: number, pixelsMin: number): void {
    this.move(nowMs);
    this.draw(nowMs, scale, pixelsMin);
  }

  /** Brings everybody to where it is at this moment. */
  move(nowMs: number): void {
    const share = this.isCalm() ? 1 : (nowMs - this.turnStartedMs) / this.turnMs;
    this.leaving = this.leaving.filter((actor) => nowMs < actor.goneMs + FADE_MS);
    for (const actor of this.everybody()) actor.pose = poseOn(actor.leg, share);
  }

  /** The frame itself, after `move`. */
  draw(nowMs: number, scale: number, pixelsMin: number): void {
    this.swell = swellAt(scale, pixelsMin);
    const lens = { swell: this.swell, scale, nowMs, isCalm: this.isCalm() };
    const { brush } = this;
    brush.begin();
    brush.dot(brush.atlas.glow, 50, 50, 150, SUN_COLOUR, 0.1);
    drawGrid(brush, scale);
    const selected = this.selected === null ? undefined : this.actorOf(this.selected);
    if (selected !== undefined) this.drawUnder(selected, lens);
    this.drawFigures(lens);
    this.shows.draw(brush, lens, (eid) => this.whereIs(eid));
    if (selected !== undefined) this.drawOver(selected, lens);
    brush.end();
  }

  /** Where an entity is drawn now, in cells; null when it is not in the picture. */
  whereIs(eid: number | null): { x: number; y: number } | null {
    const actor = eid === null ? undefined : this.actorOf(eid);
    return actor === undefined ? null : drawnAt(actor.pose, this.swell);
  }

  /** Which entities have a label, and where under them it begins, in cells: the selected one first, then ships with a rank. */
  labelled(): { entity: Entity; at: { x: number; y: number }; grade: number }[] {
    const labelled = new Set(this.selected === null ? [] : [this.selected]);
    for (const { eid, strategy } of this.ranks.values())
      if (this.isolate === null || strategy === this.isolate) labelled.add(eid);
    return [...labelled].flatMap((eid) => {
      const actor = this.actorOf(eid);
      // A ship that fell is a node, and its rank was the ship's.
      if (actor === undefined || (eid !== this.selected && actor.entity.kind === 'node')) return [];
      const { entity, pose } = actor;
      const at = drawnAt(pose, this.swell);
      const grade = entity.kind === 'ship' ? gradeOf(this.ranks.get(eid)?.rank ?? '') : 0;
      return [{ entity, at: { x: at.x, y: at.y + LABEL_BELOW * this.swell }, grade }];
    });
  }

  /** What the label of an entity says. */
  nameOf({ eid, kind }: Entity): string {
    if (kind === 'node') return `Node ${eid}`;
    if (this.look?.eid === eid) return this.look.name;
    return this.ranks.get(eid)?.name ?? `Ship ${eid}`;
  }

  /** Where an entity will be drawn when it has arrived. */
  goalOf(eid: number | null): { x: number; y: number } | null {
    const actor = eid === null ? undefined : this.actorOf(eid);
    return actor === undefined ? null : drawnAt(actor.leg.to, this.swell);
  }

  /** The entity drawn nearest to a point, ships before nodes; null when none is within `reach` cells. */
  nearest(point: { x: number; y: number }, reach: number): Entity | null {
    let best: Entity | null = null;
    let bestDistance = reach;
    for (const { entity, pose } of this.actors.values()) {
      const at = drawnAt(pose, this.swell);
      // A ship over a node is what the finger means.
      const distance =
        Math.hypot(at.x - point.x, at.y - point.y) + (entity.kind === 'node' ? reach * 0.25 : 0);
      if (distance < bestDistance) {
        best = entity;
        bestDistance = distance;
      }
    }
    return best;
  }

  /** What the selected ship knows: where it has been, how far it sees, and whom. */
  private drawUnder({ entity, pose }: Actor, lens: Lens): void {
    if (entity.kind !== 'ship') return;
    const { brush, look } = this;
    const colour = strategyColour(entity.strategy ?? '');
    const at = drawnAt(pose, lens.swell);
    drawTrail(brush, this.tracks?.of(entity.eid, this.state?.turn ?? null) ?? [], at, colour, lens);
    if (look === null || look.eid !== entity.eid) return;
    drawSight(brush, pose, look.reach, colour, lens);
    for (const other of this.actors.values()) {
      if (!look.sees(other.entity)) continue;
      const to = drawnAt(other.pose, lens.swell);
      if (other.entity.kind === 'node') drawSeenNode(brush, to, lens);
      else drawSeen(brush, at, to, strategyColour(other.entity.strategy ?? ''), lens);
    }
  }

  private drawOver({ entity, leg, pose }: Actor, lens: Lens): void {
    const { brush } = this;
    const at = drawnAt(pose, lens.swell);
    const plan = entity.plan === null ? null : readPlan(entity.plan);
    if (plan !== null && entity.kind === 'ship') {
      // Where turns were not seen, the way that is flown began before the one that was planned.
      const start = this.hasSkipped ? { x: leg.to.x - plan.dx, y: leg.to.y - plan.dy } : leg.from;
      drawPlan(brush, plan, start, at, strategyColour(entity.strategy ?? ''), lens);
    }
    drawReticle(brush, at, lens);
  }

  private drawFigures(lens: Lens): void {
    const { brush } = this;
    for (const actor of this.everybody()) {
      const at = drawnAt(actor.pose, lens.swell);
      const alpha = this.alphaOf(actor, lens);
      if (actor.pose.speed > 0) this.drawTail(actor, at, lens, alpha);
      actor.figure.drawLight(brush, at, actor.pose, lens, alpha);
    }
    for (const actor of this.everybody()) {
      const at = drawnAt(actor.pose, lens.swell);
      actor.figure.drawBody(brush, at, actor.pose, lens, this.alphaOf(actor, lens));
    }
  }

  /** Whence a ship comes in this turn. */
  private drawTail(
    { leg, pose, figure }: Actor,
    at: { x: number; y: number },
    lens: Lens,
    alpha: number,
  ): void {
    const from = drawnAt(leg.from, lens.swell);
    const width = Math.max(0.16 * lens.swell, 1.2 / lens.scale);
    const colour = figure instanceof ShipFigure ? figure.colour : SUN_COLOUR;
    this.brush.line(
      from.x,
      from.y,
      at.x,
      at.y,
      width,
      colour,
      TAIL_ALPHA * alpha * Math.min(pose.speed * 2, 1),
    );
  }

  private alphaOf(actor: Actor, { nowMs }: Lens): number {
    const { kind, strategy, eid } = actor.entity;
    const isOther =
      this.isolate !== null && kind === 'ship' && strategy !== this.isolate && eid !== this.selected;
    return presenceOf(actor, nowMs) * (isOther ? OTHERS_ALPHA : 1);
  }

  private *everybody(): Generator<Actor> {
    yield* this.leaving;
    yield* this.actors.values();
  }

  private actorOf(eid: number): Actor | undefined {
    // A ship that is falling is still one, though its node is there already.
    return this.leaving.find(({ entity }) => entity.eid === eid) ?? this.actors.get(eid);
  }

  private take(entity: Entity, target: Stand, nowMs: number, isSameTurn: boolean, bornMs: number): void {
    const known = this.actors.get(entity.eid);
    if (known !== undefined && known.entity.kind === entity.kind) {
      known.entity = entity;
      known.figure.show(entity);
      if (!isSameTurn) known.leg = legTo(target, known.pose);
      return;
    }
    // A ship that has become a node without a battle first flies to its end; the node is lit where it dies.
    if (known !== undefined) {
      known.leg = legTo(target, known.pose);
      this.dismiss(entity.eid, bornMs);
    }
    const figure = entity.kind === 'ship' ? new ShipFigure() : new NodeFigure();
    figure.show(entity);
    const leg = legTo(target, null);
    const wasThere = this.leaving.some((actor) => actor.entity.eid === entity.eid);
    const firstMs = this.state === null ? nowMs - FADE_MS : wasThere ? bornMs : nowMs;
    this.actors.set(entity.eid, {
      entity,
      figure,
      leg,
      pose: poseOn(leg, 0),
      bornMs: firstMs,
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
}

/** How far somebody has come or gone, 0..1. */
function presenceOf({ bornMs, goneMs }: Actor, nowMs: number): number {
  const coming = (nowMs - bornMs) / FADE_MS;
  const going = 1 - (nowMs - goneMs) / FADE_MS;
  return Math.min(Math.max(Math.min(coming, going), 0), 1);
}
