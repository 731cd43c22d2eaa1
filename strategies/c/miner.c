// A miner that keeps to itself.
//
// Ships that share a cell fight and harvest nothing, so it makes for the nearest node that nobody sits on. Which
// cells are taken is one 64-bit word, filled from the ships, which come first in the list, and asked for the nodes
// that follow: everything in view is looked at once. With no free node in view it flies away from the crowd, or
// straight on when it is alone.

#include "wasmverse.h"

enum { RESERVE = 100 };     // what an upgrade must leave in store
enum { EDGE_CELLS = 12 };   // from here a ship still sees up to the edge
enum { HEADING_KNOWN = 4 }; // memory: two bits of direction, and this one once they mean something

// The bit of a cell. Two cells share one only if their columns and their rows are equal or a multiple of 8 apart:
// then a miner may pass over a free node, and takes another one.
static uint64_t bit_of(int x, int y) { return 1ull << ((x & 7) | (y & 7) << 3); }

// Harvesters pay for everything else; some thrusters make the way to the next node shorter.
static int next_part(const ship *me) {
    bool is_slow = me->thrusters < MOVE_CELLS_MAX && 2 * me->thrusters < me->harvesters;
    return is_slow ? THRUSTERS : HARVESTERS;
}

// Away from the middle of the ships in view; where it was going, when there are none.
static int away_from_crowd(const ship *me, view seen, int heading) {
    int east = 0, south = 0;
    for (const entity *other = seen.begin; other != seen.end && other->kind == SHIP; other++) {
        east += me->x - other->x;
        south += me->y - other->y;
    }
    return east || south ? direction_of(east, south) : heading;
}

// Toward the side with more room before there is nothing ahead to see.
static int turned_at_edge(const ship *me, int heading) {
    if (cells_ahead(me, heading) > EDGE_CELLS) return heading;
    int right = (heading + 1) & 3, left = (heading + 3) & 3;
    return cells_ahead(me, right) >= cells_ahead(me, left) ? right : left;
}

static bool has_company(const ship *me, view seen) {
    for (const entity *other = seen.begin; other != seen.end && other->kind == SHIP; other++)
        if (other->x == me->x && other->y == me->y) return true;
    return false;
}

static plan fly(const ship *me, view seen) {
    uint64_t taken = 0;
    const entity *other = seen.begin;
    for (; other != seen.end && other->kind == SHIP; other++) taken |= bit_of(other->x, other->y);

    uint64_t here = bit_of(me->x, me->y);
    if (!(taken & here) || !has_company(me, seen)) {
        if (me->energy >= UPGRADE_COST + RESERVE && me->harvesters < HARVESTERS_ENOUGH)
            return upgrade(next_part(me), me->memory);
        taken &= ~here; // nobody but this ship itself
    }

    const entity *node = NULL;
    int node_distance = INT_MAX;
    for (; other != seen.end; other++) {
        int far = distance(me, other);
        // No branch, since no processor foresees which node is nearer than all before it.
        bool is_better = (far < node_distance) & !(taken & bit_of(other->x, other->y));
        node = is_better ? other : node;
        node_distance = is_better ? far : node_distance;
    }
    if (node) return move_toward(me, node->x, node->y, me->memory);

    int heading = me->memory & HEADING_KNOWN ? me->memory & 3 : (me->x + me->y) & 3;
    heading = turned_at_edge(me, away_from_crowd(me, seen, heading));
    return move(heading, me->thrusters, HEADING_KNOWN | heading);
}
