// What every strategy needs: the room for its list, the entities it sees, and the plans it may return.
// Nothing here allocates while ships decide: one instance answers for thousands of ships in a row.

import "./abort";

/** Kinds of entity. */
export const SHIP: u32 = 1;
export const NODE: u32 = 2;

/** A solar system is a square of this many cells a side. */
export const GRID_SIZE: i32 = 100;

/** A shield in full repair. */
export const SHIELD_FULL: u32 = 100;

/** No part of a ship grows beyond this. */
export const PART_MAX: u32 = 255;

/** A new node holds this much energy, so more harvesters than this are seldom of use. */
export const HARVESTERS_ENOUGH: u32 = 100;

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

/** Bytes of one entity in the list. */
export const ENTITY_BYTES: u32 = 4;

/**
 * One entity of the list, read in place: the fields lie in memory exactly as the host wrote them, so a reference to
 * an entity is only an address, and creating one costs nothing. To walk over all of them, ships first, then nodes:
 *
 *     const end = listEnd(system, systemLength);
 *     for (let entity = listStart(system); entity != end; entity = entity.next) { ... }
 */
@unmanaged
export class Entity {
  kind: u8;
  /** The blasters of a ship; 0 for a node. */
  danger: u8;
  x: u8;
  y: u8;

  @inline get next(): Entity {
    return changetype<Entity>(changetype<usize>(this) + ENTITY_BYTES);
  }

  @inline get previous(): Entity {
    return changetype<Entity>(changetype<usize>(this) - ENTITY_BYTES);
  }

  /** Both coordinates as one number, see cellAt. */
  @inline get cell(): u32 {
    return load<u16>(changetype<usize>(this), offsetof<Entity>("x"));
  }
}

/** The first entity of the list. */
@inline
export function listStart(system: usize): Entity {
  return changetype<Entity>(system);
}

/** Where the list ends: just after its last entity. */
@inline
export function listEnd(system: usize, systemLength: u32): Entity {
  return changetype<Entity>(system + systemLength);
}

/** Both coordinates as one number: whether two things share a cell is then one comparison. */
@inline
export function cellAt(x: u32, y: u32): u32 {
  return x | (y << 8);
}

/** Moves go along the axes, so this, not the straight line, says how far away a cell is. */
@inline
export function distance(fromX: u32, fromY: u32, toX: u32, toY: u32): u32 {
  return abs<i32>(fromX - toX) + abs<i32>(fromY - toY);
}

/** The nearest entity of a kind, the first of the list among equals; null when none is in view. */
export function nearest(kind: u32, x: u32, y: u32, system: usize, systemLength: u32): Entity | null {
  let found: Entity | null = null;
  let foundDistance = u32.MAX_VALUE;
  const end = listEnd(system, systemLength);
  for (let entity = listStart(system); entity != end; entity = entity.next) {
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
export function dangerIn(cell: u32, system: usize, systemLength: u32): u32 {
  let danger: u32 = 0;
  const end = listEnd(system, systemLength);
  for (let entity = listStart(system); entity != end; entity = entity.next) {
    if (entity.kind != SHIP) break; // only nodes follow
    if (entity.cell == cell) danger += entity.danger;
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

/** The x of a ship that has moved this many cells. */
export function columnAfter(x: u32, direction: u32, cells: u32): u32 {
  if (direction == Direction.East) return x + cells;
  if (direction == Direction.West) return x - cells;
  return x;
}

/** The y of a ship that has moved this many cells. */
export function rowAfter(y: u32, direction: u32, cells: u32): u32 {
  if (direction == Direction.South) return y + cells;
  if (direction == Direction.North) return y - cells;
  return y;
}

// ---- Room for the list ----------------------------------------------------------------------------------------------

// Enough for a thousand entities, so that in practice the buffer is made once.
const ROOM_BYTES_MIN: usize = 4096;

// What the runtime has in front of every piece of memory.
const PIECE_HEAD_BYTES: usize = 4;

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
    const larger = allocated(bytes);
    if (oldPointer != 0) memory.copy(larger, oldPointer, oldBytes);
    room = larger;
    roomBytes = bytes;
  }
  return room;
}

/**
 * Memory that is never given back. An allocation of unknown size may fail an assertion, for which a module would have to
 * import WASI; pieces of a known size cannot, and each begins where the one before ends.
 */
@inline
function allocated(bytes: usize): usize {
  if (ASC_NO_ASSERT) return heap.alloc(bytes);
  let end: usize = 0;
  let start: usize = 0;
  do {
    const piece = heap.alloc(ROOM_BYTES_MIN - PIECE_HEAD_BYTES);
    if (start == 0) start = piece;
    end = piece + ROOM_BYTES_MIN - PIECE_HEAD_BYTES;
  } while (end - start < bytes);
  return start;
}
