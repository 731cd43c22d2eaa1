import { mixed } from '../view/colour';
import type { Effect, Fighter } from '../view/effects';
import type { Stand } from '../view/formation';
import { strategyColour, strategyLook } from '../view/look';
import { drawnAt } from '../view/motion';
import { SHIP_LENGTH } from '../view/size';
import type { Show, Shows } from './shows';

const WHITE_HOT = 0xfff6e8;
const FIRE = 0xff9a5c;
const GOLD = 0xffd08a;
const ASH = 0x39404f;
const VOLLEYS = 3;
const BOLT_MS = 170;
const GRAINS = 3;
/** A wreck is to be seen for so many turns, but neither shorter nor longer than this. */
const WRECK_TURNS = 10;
const WRECK_MS_MIN = 5000;
const WRECK_MS_MAX = 14_000;
/** With more who fight in one cell, each fires at its neighbour only. */
const CREW_MAX = 4;

/** When in a turn effects are played: after the ships have arrived, in what is left of it. */
export interface Timing {
  /** When the turn begins; then, in milliseconds from there on, when the ships arrive, and how long it lasts after that. */
  readonly turnMs: number;
  readonly arrivalMs: number;
  readonly restMs: number;
}

/** How each effect looks: the one place where effects become light. Measures are in cells of a picture that is not enlarged. */
export class Fireworks {
  /** Without motion, an effect is a light that glows and fades where it is. */
  constructor(
    private readonly shows: Shows,
    private readonly isCalm: () => boolean,
  ) {}

  /** `standOf` says where an entity will be when it has arrived. */
  play(effect: Effect, timing: Timing, standOf: (eid: number) => Stand | null): void {
    const middle = { x: effect.x + 0.5, y: effect.y + 0.5, dx: 0, dy: 0 };
    const { turnMs, restMs } = timing;
    const arrivalMs = turnMs + timing.arrivalMs;
    if (this.isCalm()) {
      const isFight = effect.kind === 'battle' || effect.kind === 'death';
      this.shows.add(arrivalMs, 700, light(middle, isFight ? FIRE : GOLD, 3.4));
      return;
    }
    switch (effect.kind) {
      case 'spawn':
        if (effect.strategy === null) this.shows.add(turnMs, 700, light(middle, GOLD, 2));
        else this.birth(middle, strategyColour(effect.strategy), turnMs);
        break;
      case 'battle':
        this.battle(middle, effect.fighters, arrivalMs, restMs);
        break;
      case 'death':
        this.death(standOf(effect.eid) ?? middle, effect.eid, effect.strategy ?? '', timing);
        break;
      case 'starve':
        this.shows.add(arrivalMs, 600, light(middle, 0x8a93a8, 1.6));
        break;
      case 'harvest':
        this.harvest(standOf(effect.node) ?? middle, standOf(effect.eid) ?? middle, arrivalMs, restMs);
        break;
    }
  }

  /** A column of light in the owner's colour, and a ring that closes around the newcomer. */
  private birth(at: Spot, colour: number, startMs: number): void {
    this.shows.add(startMs, 950, (brush, share, { swell }) => {
      const { x, y } = drawnAt(at, swell);
      const { ring, beam, core, glow } = brush.atlas;
      const fade = 1 - share;
      const close = eased(Math.min(share * 1.6, 1));
      brush.dot(ring, x, y, (5.6 - 3.8 * close) * swell, colour, 0.9 * fade);
      brush.dot(ring, x, y, (3.6 - 2.2 * close) * swell, WHITE_HOT, 0.5 * fade);
      brush.draw(beam, x, y, 6.5 * swell * fade, 1.4 * swell * fade, Math.PI / 2, colour, 0.9 * fade);
      brush.dot(glow, x, y, 5 * swell, colour, 0.7 * Math.sin(share * Math.PI));
      brush.dot(core, x, y, 2.2 * swell * fade, WHITE_HOT, fade);
    });
  }

  private battle(at: Spot, fighters: readonly Fighter[], arrivalMs: number, restMs: number): void {
    const step = Math.max(restMs / VOLLEYS, 70);
    this.shows.add(arrivalMs - 60, restMs + 260, (brush, share, { swell }) => {
      const { x, y } = drawnAt(at, swell);
      const fade = Math.sin(Math.min(share * 1.1, 1) * Math.PI);
      brush.dot(brush.atlas.glow, x, y, 6.5 * swell, FIRE, 0.4 * fade);
      brush.dot(brush.atlas.ring, x, y, (4.6 + share) * swell, FIRE, 0.35 * fade);
    });
    for (let volley = 0; volley < VOLLEYS; volley += 1) {
      fighters.forEach((from, rank) => {
        const targets =
          fighters.length <= CREW_MAX
            ? fighters.filter((to) => to !== from)
            : [fighters[(rank + 1 + volley) % fighters.length]].filter((to) => to !== undefined);
        for (const to of targets) {
          // Not all at once: who fires when is seen.
          const delayMs = arrivalMs + (volley + rank / fighters.length) * step;
          this.shows.add(delayMs, BOLT_MS, bolt(from, to));
          this.shows.add(delayMs + BOLT_MS * 0.8, 240, impact(to.eid));
        }
      });
    }
  }

  private death(stand: Spot, eid: number, strategy: string, { turnMs, arrivalMs, restMs }: Timing): void {
    const { colour, shape } = strategyLook(strategy);
    const startMs = turnMs + arrivalMs + restMs * 0.75;
    this.shows.add(startMs, 420, light(stand, 0xffffff, 8));
    this.shows.add(startMs, 1900, (brush, share, { swell }) => {
      const { x, y } = drawnAt(stand, swell);
      const { glow, ring } = brush.atlas;
      const far = eased(share);
      const fade = 1 - share;
      brush.dot(glow, x, y, (4 + 7 * far) * swell, colour, 0.85 * fade);
      brush.dot(ring, x, y, (0.6 + 9 * far) * swell, mixed(colour, 0xffffff, 0.5), 0.85 * fade * fade);
      brush.dot(ring, x, y, (0.4 + 5.4 * far) * swell, FIRE, 0.5 * fade * fade);
    });
    this.sparks(stand, mixed(colour, FIRE, 0.35), eid, startMs);
    const lifeMs = Math.min(Math.max(WRECK_TURNS * (arrivalMs + restMs), WRECK_MS_MIN), WRECK_MS_MAX);
    this.shows.add(startMs, lifeMs, wreck(stand, colour, shape, eid));
  }

  private sparks(at: Spot, colour: number, seed: number, startMs: number): void {
    const count = 18;
    this.shows.add(startMs, 1500, (brush, share, { swell }) => {
      const { x, y } = drawnAt(at, swell);
      const far = eased(share);
      for (let spark = 0; spark < count; spark += 1) {
        const angle = (spark / count) * Math.PI * 2 + scattered(seed, spark) * 0.6;
        const reach = (1.6 + 4 * scattered(seed + 7, spark)) * far * swell;
        const size = (0.55 - 0.42 * share) * swell;
        brush.dot(
          brush.atlas.core,
          x + Math.cos(angle) * reach,
          y + Math.sin(angle) * reach,
          size,
          colour,
          1 - share,
        );
      }
    });
  }

  /** A beam from the node to its ship, with grains of light that run along it. */
  private harvest(node: Spot, ship: Spot, startMs: number, lifeMs: number): void {
    this.shows.add(startMs, lifeMs, (brush, share, { swell, scale }) => {
      const from = drawnAt(node, swell);
      const to = drawnAt(ship, swell);
      const { beam, core, glow } = brush.atlas;
      const strength = Math.sin(Math.min(share, 1) * Math.PI) ** 0.6;
      const width = Math.max(0.5 * swell, 3 / scale);
      brush.line(from.x, from.y, to.x, to.y, width, GOLD, 0.6 * strength, beam);
      brush.dot(glow, to.x, to.y, 1.9 * swell, GOLD, 0.3 * strength);
      for (let grain = 0; grain < GRAINS; grain += 1) {
        const way = (share * 1.6 + grain / GRAINS) % 1;
        const x = from.x + (to.x - from.x) * way;
        const y = from.y + (to.y - from.y) * way;
        brush.dot(core, x, y, 0.3 * swell * (1 - way * 0.4), WHITE_HOT, 0.8 * strength);
      }
    });
  }
}

interface Spot {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

/** A light that spreads and fades. */
function light(at: Spot, colour: number, size: number): Show {
  return (brush, share, { swell }) => {
    const { x, y } = drawnAt(at, swell);
    brush.dot(brush.atlas.glow, x, y, size * (0.6 + 0.4 * eased(share)) * swell, colour, 1 - share);
  };
}

/** A shot in its owner's colour, as thick as the owner has blasters, with a white heart. */
function bolt(from: Fighter, to: Fighter): Show {
  const colour = strategyColour(from.strategy ?? '');
  const thick = 0.34 + 0.07 * Math.log2(1 + from.blasters);
  return (brush, share, { swell, scale }, whereIs) => {
    const start = whereIs(from.eid);
    const end = whereIs(to.eid);
    if (start === null || end === null) return;
    const head = Math.min(share * 1.5, 1);
    const tail = Math.max(share * 1.5 - 0.5, 0);
    const at = (way: number): readonly [number, number] => [
      start.x + (end.x - start.x) * way,
      start.y + (end.y - start.y) * way,
    ];
    const width = Math.max(thick * swell, 3 / scale);
    const { beam, glow, core } = brush.atlas;
    brush.line(...at(tail), ...at(head), width * 2, colour, 1, beam);
    brush.line(...at(tail), ...at(head), width * 0.6, 0xffffff, 0.9, beam);
    brush.dot(glow, ...at(head), width * 4, colour, 0.9);
    if (share < 0.4) brush.dot(core, ...at(0.12), width * 2.6, WHITE_HOT, 1 - share * 2.5);
  };
}

/** White, whoever is hit: colours belong to strategies. */
function impact(eid: number): Show {
  return (brush, share, { swell }, whereIs) => {
    const at = whereIs(eid);
    if (at === null) return;
    const fade = 1 - share;
    brush.dot(brush.atlas.ring, at.x, at.y, SHIP_LENGTH * 1.95 * swell, 0xffffff, 0.8 * fade);
    brush.dot(brush.atlas.glow, at.x, at.y, SHIP_LENGTH * 2 * swell, 0xffffff, 0.55 * fade);
  };
}

/** The hull, broken in two: the halves drift apart and turn, glow, go dark and at last are gone. */
function wreck(stand: Spot, colour: number, shape: number, eid: number): Show {
  const heading = scattered(eid, 1) * Math.PI * 2;
  return (brush, share, { swell }) => {
    const { x, y } = drawnAt(stand, swell);
    const { hulls, core } = brush.atlas;
    const halves = hulls[shape % hulls.length]?.halves ?? [core, core];
    const length = SHIP_LENGTH * 1.1 * swell;
    const apart = (0.3 + 1.1 * eased(Math.min(share * 1.4, 1))) * swell;
    const cold = Math.min(share * 5, 1);
    const tint = mixed(mixed(colour, 0xffffff, 0.5 * (1 - cold)), ASH, 0.62 * cold);
    const alpha = Math.min(1, (1 - share) * 3);
    halves.forEach((half, side) => {
      const sign = side === 0 ? -1 : 1;
      const turn = heading + sign * (0.25 + share * 1.3);
      const away = heading + (sign * Math.PI) / 2;
      const halfX = x + Math.cos(away) * apart;
      const halfY = y + Math.sin(away) * apart;
      brush.draw(half, halfX, halfY, length, length / 2, turn, tint, alpha);
      const ember = 0.6 * (1 - share) * (0.6 + 0.4 * Math.sin(share * 90 + side * 2));
      brush.dot(core, halfX, halfY, 0.9 * swell, FIRE, ember);
    });
  };
}

/** Fast at first, slow at the end, as light that spreads. */
function eased(share: number): number {
  return 1 - (1 - share) ** 2.4;
}

/** 0..1, always the same for the same two numbers. */
function scattered(seed: number, step: number): number {
  const value = Math.sin(seed * 12.9898 + step * 78.233) * 43_758.5453;
  return value - Math.floor(value);
}
