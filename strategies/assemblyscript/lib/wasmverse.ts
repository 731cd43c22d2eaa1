// What every strategy needs: the room for its list, the entities it sees, and the plans it may return.
// Nothing here allocates while ships decide: one instance answers for thousands of ships in a row.

/** Kinds of entity. */
export const SHIP: u32 = 1;
export const NODE: u32 = 2;

/** A solar system is a square of this many cells a side. */
export const GRID_SIZE: i32 = 100;

/** A shield in full repair. */
export const SHIELD_FULL: u32 = 100;

/** A plan has four bits for the number of cells, so more thrusters than this move no ship further. */
export const MOVE_CELLS_MAX: u32 = 15;

/** The energy one upgrade costs. */
export const UPGRADE_COST: u32 = 50;

export const enum Direction {
  North, // y shrinks
  East, // x grows
  South, // y grows
  West, // x shrinks
}

export const enum Part {
  Blasters,
  Thrusters,
  Harvesters,
}

// ---- The entities in view ---------------------------------------------------------------------------------------

const ENTITY_BYTES: usize = 4;

/**
 * One entity of the list, read in place: the fields lie in memory exactly as the host wrote them,
 * so a reference to an entity is only an address and creating one costs nothing.
 */
@unmanaged
export class Entity {
  kind: u8;
  /** The blasters of a ship; 0 for a node. */
  danger: u8;
  x: u8;
  y: u8;
}

/** How many entities the list holds. */
@inline
export function entityCount(systemLength: u32): u32 {
  return systemLength / <u32>ENTITY_BYTES;
}

/** Entity number `index` of the list. Ships come first, then nodes. */
@inline
export function entityAt(system: usize, index: u32): Entity {
  return changetype<Entity>(system + <usize>index * ENTITY_BYTES);
}

/** Moves go along the axes, so this, not the straight line, says how far away a cell is. */
@inline
export function distance(fromX: u32, fromY: u32, toX: u32, toY: u32): u32 {
  return abs<i32>(<i32>fromX - <i32>toX) + abs<i32>(<i32>fromY - <i32>toY);
}

/** The nearest entity of a kind, the first of the list among equals; null when none is in view. */
export function nearest(kind: u32, x: u32, y: u32, system: usize, systemLength: u32): Entity | null {
  let found: Entity | null = null;
  let foundDistance = u32.MAX_VALUE;
  const count = entityCount(systemLength);
  for (let index: u32 = 0; index < count; index++) {
    const entity = entityAt(system, index);
    if (entity.kind != kind) continue;
    const entityDistance = distance(x, y, entity.x, entity.y);
    if (entityDistance < foundDistance) {
      found = entity;
      foundDistance = entityDistance;
    }
  }
  return found;
}

/** The damage one turn in this cell would do: the blasters of all other ships there, added up. */
export function dangerAt(x: u32, y: u32, system: usize, systemLength: u32): u32 {
  let danger: u32 = 0;
  const count = entityCount(systemLength);
  for (let index: u32 = 0; index < count; index++) {
    const entity = entityAt(system, index);
    if (entity.kind != SHIP) break; // only nodes follow
    if (entity.x == x && entity.y == y) danger += entity.danger;
  }
  return danger;
}

// ---- Plans: byte 0 is the command, bytes 1 to 7 come back with the next turn ---------------------------------------

/** The seven bytes that the last plan stored. A new ship finds zeros. */
@inline
export function memoryOf(lastPlan: u64): u64 {
  return lastPlan >> 8;
}

/** Stay in this cell; whoever is alone with a node harvests it. */
@inline
export function hold(memory: u64 = 0): u64 {
  return memory << 8;
}

/** Move in a straight line. A ship gets no further than its thrusters, and stops at the edge. */
@inline
export function move(direction: u32, cells: u32, memory: u64 = 0): u64 {
  return (memory << 8) | (0x40 | (direction << 4) | min<u32>(cells, MOVE_CELLS_MAX));
}

/** Add one to a part of the ship. */
@inline
export function upgrade(part: u32, memory: u64 = 0): u64 {
  return (memory << 8) | (0x80 | part);
}

/** One move toward a cell, the longer way first, never past it; holds in the cell itself. */
export function moveToward(x: u32, y: u32, toX: u32, toY: u32, memory: u64 = 0): u64 {
  const east = <i32>toX - <i32>x;
  const south = <i32>toY - <i32>y;
  if (east == 0 && south == 0) return hold(memory);
  if (abs(east) >= abs(south)) return move(east > 0 ? Direction.East : Direction.West, abs(east), memory);
  return move(south > 0 ? Direction.South : Direction.North, abs(south), memory);
}

/** How many cells lie between here and the edge of the grid in this direction. */
export function cellsAhead(x: u32, y: u32, direction: u32): u32 {
  if (direction == Direction.North) return y;
  if (direction == Direction.East) return GRID_SIZE - 1 - x;
  if (direction == Direction.South) return GRID_SIZE - 1 - y;
  return x;
}

/** Where a move of so many cells ends, edge and limit of a plan considered. */
export function landingX(x: u32, direction: u32, cells: u32): u32 {
  const way = min(min(cells, MOVE_CELLS_MAX), cellsAhead(x, 0, direction));
  if (direction == Direction.East) return x + way;
  if (direction == Direction.West) return x - way;
  return x;
}

export function landingY(y: u32, direction: u32, cells: u32): u32 {
  const way = min(min(cells, MOVE_CELLS_MAX), cellsAhead(0, y, direction));
  if (direction == Direction.South) return y + way;
  if (direction == Direction.North) return y - way;
  return y;
}

// ---- Room for the list ----------------------------------------------------------------------------------------------

// Enough for a thousand entities, so that in practice the buffer is made once.
const ROOM_BYTES_MIN: usize = 4096;

let room: usize = 0;
let roomBytes: usize = 0;

/**
 * The host calls this before every decision to ask where it may write the list of entities. It gets the same
 * buffer each time: the list of one ship is of no use to the next. Correct for functions that take one list.
 */
export function cabi_realloc(oldPointer: usize, oldBytes: usize, align: usize, newBytes: usize): usize {
  if (newBytes > roomBytes) {
    // Doubling keeps what is left behind by growing smaller than what is in use.
    const bytes = max<usize>(max<usize>(newBytes, roomBytes * 2), ROOM_BYTES_MIN);
    const larger = heap.alloc(bytes);
    if (oldPointer != 0) memory.copy(larger, oldPointer, oldBytes);
    room = larger;
    roomBytes = bytes;
  }
  return room;
}
