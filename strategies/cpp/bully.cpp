// A bully.
//
// It picks on the weakest ship in view and goes after it, turn after turn. It remembers where its victim was, so it
// knows where that is going, and flies to where it will be. It picks on nobody with more than half of its blasters, lets
// go when its own shield runs low, and eats in between.

#include "wasmverse.hpp"

#include <tuple>

namespace {

using namespace wasmverse;

constexpr int shield_to_fight = 35;
constexpr int energy_to_hunt = 60; // below this it eats first
constexpr int reserve = 70;        // what an upgrade must leave in store
constexpr int edge_cells = 12;     // from here a ship still sees up to the edge

// What it keeps from turn to turn. Bit-fields have no invalid values, whatever an older version of it left there.
struct grudge {
    std::uint8_t x, y, danger; // its victim, as it was last seen
    bool is_held : 1;
    bool is_under_way : 1;
    direction heading : 2;
};
static_assert(memory<grudge>);

// The ship in view with the fewest blasters, the nearest of several; null if this one has not twice as many.
const entity *victim_of(const ship &me, view seen) {
    const entity *weakest = lowest(seen.ships, [&](const entity &other) {
        return std::tuple(other.danger, (other.cell() - me.cell).distance());
    });
    return weakest && 2 * weakest->danger <= me.blasters ? weakest : nullptr;
}

// Where the victim will be if it goes on as it did: never further ahead than one move can lead.
cell expected(const entity &victim, const grudge &held) {
    const cell now = victim.cell();
    if (!held.is_held || held.danger != victim.danger) return now; // somebody else
    const offset step = now - cell{held.x, held.y};
    if (step.distance() > move_cells_max) return now; // somebody else after all
    const cell next = now + step;
    return {std::clamp(next.x, 0, grid_size - 1), std::clamp(next.y, 0, grid_size - 1)};
}

// Blasters are what a bully lives by; thrusters catch those who run, harvesters pay for both.
part next_part(const ship &me) {
    if (2 * me.harvesters < me.blasters) return part::harvesters;
    if (2 * me.thrusters < me.blasters && me.thrusters < move_cells_max) return part::thrusters;
    return part::blasters;
}

plan roam(const ship &me, grudge kept) {
    if (!kept.is_under_way) kept.heading = direction((me.cell.x + me.cell.y) & 3);
    kept.is_under_way = true;
    if (me.cells_ahead(kept.heading) <= edge_cells) {
        const direction right = right_of(kept.heading), left = left_of(kept.heading);
        kept.heading = me.cells_ahead(right) >= me.cells_ahead(left) ? right : left;
    }
    return plan::move(kept.heading, me.thrusters).remember(kept);
}

} // namespace

plan wasmverse::fly(const ship &me, view seen) {
    auto kept = me.recall<grudge>();
    const entity *victim = me.shield >= shield_to_fight && me.energy >= energy_to_hunt ? victim_of(me, seen) : nullptr;
    if (victim) {
        const cell aim = expected(*victim, kept);
        kept = {victim->x, victim->y, victim->danger, true, kept.is_under_way, kept.heading};
        return plan::move(aim - me.cell).remember(kept);
    }
    kept.is_held = false;

    const auto far = [&](const entity &other) { return (other.cell() - me.cell).distance(); };
    const entity *neighbour = lowest(seen.ships, far);
    if (neighbour && far(*neighbour) == 0) return roam(me, kept); // not weaker, so away from here
    if (me.energy >= upgrade_cost + reserve) return plan::upgrade(next_part(me)).remember(kept);
    if (const entity *node = lowest(seen.nodes, far)) return plan::move(node->cell() - me.cell).remember(kept);
    return roam(me, kept);
}
