// What a strategy in C needs: the ship, what it sees, and the plans that it may return.
//
// Include this once and define `fly`. The exports that the universe calls are at the end. Nothing here allocates:
// one instance decides for thousands of ships in a row.

#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHIP = 1, NODE = 2 };                        // kinds of entity
enum { NORTH, EAST, SOUTH, WEST };                  // directions: north is y-, east is x+
enum { BLASTERS, THRUSTERS, HARVESTERS };           // parts of a ship
enum {
    GRID_SIZE = 100,     // cells along each side of a solar system
    MOVE_CELLS_MAX = 15, // more thrusters than this move no ship further
    UPGRADE_COST = 50,   // energy
    SHIELD_FULL = 100,
    HARVESTERS_ENOUGH = 100, // what a new node holds, so more of them are seldom of use
};

// One of the others, closer than 16 cells. In memory these are the four bytes that the host wrote.
typedef struct {
    uint8_t kind;
    uint8_t danger; // the blasters of a ship, 0 for a node
    uint8_t x, y;
} entity;

// All that a ship sees: ships first, oldest first, then nodes. `end` is just after the last one.
typedef struct {
    const entity *begin, *end;
} view;

// The ship that decides.
typedef struct {
    int x, y;
    int energy, shield;
    int blasters, thrusters, harvesters;
    uint64_t memory; // the seven bytes that its last plan stored; a new ship finds zeros
} ship;

// Byte 0 is the command, bytes 1 to 7 are the ship's memory and come back next turn.
typedef uint64_t plan;

// This one is yours.
static plan fly(const ship *me, view seen);

// ---- Plans

// Stay in this cell: whoever is alone there harvests its nodes and mends its shield.
static inline plan hold(uint64_t memory) { return memory << 8; }

// Move in a straight line; at most as many cells as the ship has thrusters, and not over the edge.
static inline plan move(int direction, int cells, uint64_t memory) {
    int most = cells < MOVE_CELLS_MAX ? cells : MOVE_CELLS_MAX;
    return memory << 8 | (plan)(0x40 | direction << 4 | most);
}

// Add one to a part.
static inline plan upgrade(int part, uint64_t memory) { return memory << 8 | (plan)(0x80 | part); }

// The direction of a step that leads `east` and `south` (either may be negative): along the longer way.
static inline int direction_of(int east, int south) {
    int wide = east < 0 ? -east : east, high = south < 0 ? -south : south;
    if (wide >= high) return east < 0 ? WEST : EAST;
    return south < 0 ? NORTH : SOUTH;
}

// One move toward a cell, the longer way first, never past it; holds in the cell itself.
static inline plan move_toward(const ship *me, int x, int y, uint64_t memory) {
    int east = x - me->x, south = y - me->y;
    int wide = east < 0 ? -east : east, high = south < 0 ? -south : south;
    if (wide + high == 0) return hold(memory);
    return move(direction_of(east, south), wide > high ? wide : high, memory);
}

// ---- Cells

// Moves go along the axes, so this, not the straight line, says how far away an entity is.
static inline int distance(const ship *me, const entity *other) {
    int east = other->x - me->x, south = other->y - me->y;
    return (east < 0 ? -east : east) + (south < 0 ? -south : south);
}

// How many cells lie between the ship and the edge of the grid.
static inline int cells_ahead(const ship *me, int direction) {
    switch (direction) {
    case NORTH: return me->y;
    case EAST: return GRID_SIZE - 1 - me->x;
    case SOUTH: return GRID_SIZE - 1 - me->y;
    default: return me->x;
    }
}

// ---- What the universe calls

#define EXPORT(name) __attribute__((export_name(name)))

static uint8_t room[1 << 16]; // 16,384 entities

// Where may the list be written? In the same room each time: the list of one ship is of no use to the next.
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
    (void)old, (void)old_bytes, (void)align;
    if (bytes > sizeof room) __builtin_trap();
    return room;
}

EXPORT("decide") plan decide(int kind, int x, int y, int energy, int shield, int blasters, int thrusters,
                             int harvesters, plan last_plan, const entity *system, size_t system_bytes) {
    (void)kind; // always a ship
    const ship me = {x, y, energy, shield, blasters, thrusters, harvesters, last_plan >> 8};
    return fly(&me, (view){system, system + system_bytes / sizeof *system});
}
