// What every strategy needs: the kinds of entity, questions about what is in view, and the plans it may return.

const { abs, max, min } = Math; // names of our own are found faster

/** Kinds of entity. */
export const SHIP = 1;
export const NODE = 2;

/** A solar system is a square of this many cells a side. */
export const GRID_SIZE = 100;

/** A plan has four bits for the number of cells, so more thrusters than this move no ship further. */
export const MOVE_CELLS_MAX = 15;

/** The largest number that a ship can remember: five bytes, so that a plan is a number that JavaScript has exactly. */
export const MEMORY_MAX = 2 ** 40 - 1;

export const Direction = Object.freeze({ North: 0, East: 1, South: 2, West: 3 });
export const Part = Object.freeze({ Blasters: 0, Thrusters: 1, Harvesters: 2 });

/** Stay in this cell; whoever is alone with a node harvests it. */
export function hold(memory = 0) {
  return memory * 256;
}

/** Move in a straight line. A ship gets no further than its thrusters, and stops at the edge. */
export function move(direction, cells, memory = 0) {
  return memory * 256 + (0x40 | ((direction & 3) << 4) | min(max(cells, 0), MOVE_CELLS_MAX));
}

/** Add one to a part of the ship. */
export function upgrade(part, memory = 0) {
  return memory * 256 + (0x80 | (part & 3));
}

/** One move toward a cell, the longer way first, never past it; holds in the cell itself. */
export function moveToward(ship, target, memory = 0) {
  const east = target.x - ship.x;
  const south = target.y - ship.y;
  if (east === 0 && south === 0) return hold(memory);
  if (abs(east) >= abs(south)) {
    return move(east > 0 ? Direction.East : Direction.West, abs(east), memory);
  }
  return move(south > 0 ? Direction.South : Direction.North, abs(south), memory);
}

/** Cells between two things. Moves go along the axes, so this, not the straight line, says how far away something is. */
export function distance(one, other) {
  const east = one.x - other.x;
  const south = one.y - other.y;
  return (east < 0 ? -east : east) + (south < 0 ? -south : south); // a call of Math.abs costs more than all of this
}

/** The nearest entity of a kind, the first of the list among equals; null when none is in view. */
export function nearest(kind, ship, system) {
  let found = null;
  let foundCells = 2 * GRID_SIZE;
  for (const entity of system) {
    if (entity.kind !== kind) continue;
    const cells = distance(ship, entity);
    if (cells < foundCells) {
      found = entity;
      foundCells = cells;
    }
  }
  return found;
}

/** How many cells lie between the ship and the edge of the grid in this direction. */
export function cellsAhead(ship, direction) {
  if (direction === Direction.North) return ship.y;
  if (direction === Direction.East) return GRID_SIZE - 1 - ship.x;
  if (direction === Direction.South) return GRID_SIZE - 1 - ship.y;
  return ship.x;
}

/**
 * What the universe calls for each ship, made of `decide(ship, system)`. The ship and the entities are the same objects
 * each time, with other values: making new ones would cost more than most strategies do.
 */
export function pilot(decide) {
  const words = new Uint32Array(room); // QuickJS's host gives it: what a ship sees, 4 bytes an entity
  const ship = { x: 0, y: 0, energy: 0, shield: 0, blasters: 0, thrusters: 0, harvesters: 0, memory: 0, lastCommand: 0 };
  const entities = Array.from({ length: 64 }, () => ({ kind: 0, danger: 0, x: 0, y: 0 }));
  const systems = entities.map((_, count) => entities.slice(0, count)); // by their length, made at the build
  return (x, y, energy, shield, blasters, thrusters, harvesters, memory, lastCommand, size) => {
    ship.x = x;
    ship.y = y;
    ship.energy = energy;
    ship.shield = shield;
    ship.blasters = blasters;
    ship.thrusters = thrusters;
    ship.harvesters = harvesters;
    ship.memory = memory;
    ship.lastCommand = lastCommand;
    const count = size >> 2;
    while (systems.length <= count) {
      entities.push({ kind: 0, danger: 0, x: 0, y: 0 });
      systems.push(entities.slice(0, systems.length));
    }
    const system = systems[count];
    for (let at = 0; at < count; at++) {
      const entity = system[at];
      const four = words[at]; // a word a read costs less than a byte a read
      entity.kind = four & 255;
      entity.danger = (four >> 8) & 255;
      entity.x = (four >> 16) & 255;
      entity.y = four >>> 24;
    }
    return decide(ship, system);
  };
}
