import type { Entity } from '../sql/system';
import { growthOf, SHIP_LENGTH } from './size';

/**
 * Where an entity stands: the middle of its cell, and how far beside it, in cells of a picture that is not enlarged. An enlarged
 * picture enlarges (dx, dy) too, so who stands apart near by stands apart from afar.
 */
export interface Stand {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
  /** Where it looks when it has arrived; null: on in its course. */
  readonly facing: number | null;
}

/** Between the middles of two ships in one cell, in lengths of the longest of them. */
const APART = 1.2;
/** From the middle of a node to the middle of the ship that harvests it, in lengths of the ship. */
const BESIDE = 0.78;
const NODES_APART = 0.7;
/** An angle that is never repeated by its multiples: neighbours of one eid stand elsewhere. */
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

/**
 * Where each entity is drawn. Ships that share a cell stand around its middle, a hull apart at least, and look at each other;
 * a ship alone with a node stands beside it. `fallen` are the ships that fought there and are ships no more.
 */
export function stands(entities: readonly Entity[], fallen: readonly Entity[] = []): Map<number, Stand> {
  const ships = byCell([...entities.filter(({ kind }) => kind === 'ship'), ...fallen]);
  const fallenEids = new Set(fallen.map(({ eid }) => eid));
  const nodes = byCell(entities.filter(({ kind, eid }) => kind === 'node' && !fallenEids.has(eid)));
  const found = new Map<number, Stand>();
  for (const cell of nodes.values()) placeNodes(cell, found);
  for (const [key, crew] of ships) placeShips(crew, nodes.has(key), found);
  return found;
}

function placeShips(crew: readonly Entity[], hasNode: boolean, found: Map<number, Stand>): void {
  const length = SHIP_LENGTH * Math.max(...crew.map(growthOf));
  if (crew.length === 1) {
    for (const ship of crew) {
      if (!hasNode) found.set(ship.eid, beside(ship, 0, 0, null));
      else found.set(ship.eid, beside(ship, ship.eid * GOLDEN, BESIDE * length, 'middle'));
    }
    return;
  }
  // The chord between neighbours on the circle is at least APART lengths.
  const radius = Math.max((APART * length) / (2 * Math.sin(Math.PI / crew.length)), hasNode ? length : 0);
  crew.forEach((ship, rank) => {
    found.set(ship.eid, beside(ship, (rank / crew.length) * Math.PI * 2, radius, 'middle'));
  });
}

function placeNodes(cell: readonly Entity[], found: Map<number, Stand>): void {
  const radius = cell.length === 1 ? 0 : NODES_APART / (2 * Math.sin(Math.PI / cell.length));
  cell.forEach((node, rank) => {
    found.set(node.eid, beside(node, (rank / cell.length) * Math.PI * 2 + 0.7, radius, null));
  });
}

function beside({ x, y }: Entity, angle: number, distance: number, looksAt: 'middle' | null): Stand {
  return {
    x: x + 0.5,
    y: y + 0.5,
    dx: Math.cos(angle) * distance,
    dy: Math.sin(angle) * distance,
    facing: looksAt === null ? null : angle + Math.PI,
  };
}

/** By eid in each cell, so that a formation holds from turn to turn whatever the order of the answer. */
function byCell(entities: readonly Entity[]): Map<number, Entity[]> {
  const cells = new Map<number, Entity[]>();
  for (const entity of [...entities].sort((a, b) => a.eid - b.eid)) {
    const key = entity.y * 256 + entity.x;
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [entity]);
    else cell.push(entity);
  }
  return cells;
}
