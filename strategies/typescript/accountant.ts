// Keeps books. The two nearest nodes are assets, unless a rival is as near to them: those are written off. It takes the
// nearer asset, and with nothing on the books it looks for another market. It invests in what its time goes into: in
// thrusters when it has travelled more than it has harvested, else in harvesters.
//
// Memory: the books, the turns that it has travelled and the turns that it has harvested.

import {
  type Decide,
  type Direction,
  type Entity,
  type Plan,
  type Ship,
  type System,
  NODE,
  Part,
  cellsAhead,
  distance,
  hold,
  move,
  moveToward,
  upgrade,
} from "./wasmverse.js";

interface Books {
  readonly travelled: number;
  readonly harvested: number;
}

/** A node as it stands in the books. */
interface Entry {
  readonly node: Entity;
  readonly cells: number;
}

const COLUMN = 2 ** 16;
const INVESTS_FROM = 150;

const opened = (memory: number): Books => ({ travelled: memory % COLUMN, harvested: Math.floor(memory / COLUMN) });

/** What a ship remembers; totals that grow too large for their columns are both halved. */
function closed({ travelled, harvested }: Books): number {
  const scale = travelled < COLUMN && harvested < COLUMN ? 1 : 2;
  return Math.floor(travelled / scale) + COLUMN * Math.floor(harvested / scale);
}

/** The two nearest nodes, the nearer one first. Each further look at all nodes would cost as much fuel as this one. */
function entriesOf(ship: Ship, system: System): [Entry?, Entry?] {
  let first: Entry | undefined;
  let second: Entry | undefined;
  for (const node of system) {
    if (node.kind !== NODE) continue;
    const cells = distance(ship, node);
    if (!first || cells < first.cells) {
      second = first;
      first = { node, cells };
    } else if (!second || cells < second.cells) {
      second = { node, cells };
    }
  }
  return [first, second];
}

function isWrittenOff({ node, cells }: Entry, system: System): boolean {
  for (const other of system) {
    if (other.kind === NODE) break; // ships come first
    if (distance(other, node) <= cells) return true;
  }
  return false;
}

function harvest({ node, cells }: Entry, ship: Ship, books: Books): Plan {
  return cells === 0
    ? hold(closed({ ...books, harvested: books.harvested + 1 }))
    : moveToward(ship, node, closed({ ...books, travelled: books.travelled + 1 }));
}

function toAnotherMarket(ship: Ship, books: Books): Plan {
  const straight = ((ship.lastCommand >> 4) & 3) as Direction;
  const right = ((straight + 1) & 3) as Direction;
  const way = cellsAhead(ship, straight) > 0 ? straight : right;
  return move(way, ship.thrusters, closed({ ...books, travelled: books.travelled + 1 }));
}

export const decide: Decide = (ship, system) => {
  const books = opened(ship.memory);
  if (ship.energy >= INVESTS_FROM) {
    return upgrade(books.travelled > books.harvested ? Part.Thrusters : Part.Harvesters, ship.memory);
  }
  const [first, second] = entriesOf(ship, system);
  if (first && !isWrittenOff(first, system)) return harvest(first, ship, books);
  if (second && !isWrittenOff(second, system)) return harvest(second, ship, books);
  return toAnotherMarket(ship, books);
};
