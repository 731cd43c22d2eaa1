//! An ambusher.
//!
//! It lives on a node, its lair, and looks harmless: it harvests and buys blasters. When a ship with half as many
//! is where one straight move leads, it pounces, stays on its prey until that is dead, eats what is left of it, and goes home. Ships
//! that harvest hold still, so they are still there when it lands.

const wasmverse = @import("wasmverse.zig");
const Direction = wasmverse.Direction;
const Entity = wasmverse.Entity;
const Plan = wasmverse.Plan;
const Ship = wasmverse.Ship;
const View = wasmverse.View;

comptime {
    wasmverse.strategy(fly);
}

/// What an upgrade must leave in store.
const reserve = 50;
/// With a weaker shield than this it only harvests, and with less energy too: a fight earns nothing until it is won.
const shield_to_fight = 40;
const energy_to_fight = 50;
/// A ship that roams turns so far from the edge, from where it still sees up to it.
const edge_cells = 12;

/// What it keeps from turn to turn, in seven bytes.
const Memory = packed struct(wasmverse.Memory) {
    lair_x: u8,
    lair_y: u8,
    has_lair: bool,
    heading: Direction,
    unused: u37,

    fn settle(self: *Memory, me: Ship) void {
        self.lair_x = @intCast(me.x);
        self.lair_y = @intCast(me.y);
        self.has_lair = true;
    }
};

fn fly(me: Ship, seen: View) Plan {
    var memory: Memory = @bitCast(me.memory);
    const is_fit = me.shield >= shield_to_fight and me.energy >= energy_to_fight;
    const reach = if (is_fit) @min(me.thrusters, wasmverse.move_cells_max) else 0;
    var prey: ?*const Entity = null;
    var prey_danger = me.blasters / 2 + 1;
    var danger_here: u32 = 0;
    for (seen.ships) |*other| {
        if (other.x != me.x and other.y != me.y) continue; // more than one move away
        const distance = other.distance(me);
        if (distance == 0) danger_here += other.danger;
        if (distance <= reach and other.danger < prey_danger) {
            prey = other;
            prey_danger = other.danger;
        }
    }
    if (danger_here >= me.blasters) return roam(me, memory);
    if (prey) |weak| return .toward(me, weak.x, weak.y, @bitCast(memory));
    if (nextPart(me)) |part| return .upgrade(part, @bitCast(memory));

    const food = wasmverse.nearest(seen.nodes, me);
    const food_distance = if (food) |node| node.distance(me) else 1;
    if (food_distance == 0) { // at home, or what is left of the prey
        if (!memory.has_lair) memory.settle(me);
        return .hold(@bitCast(memory));
    }
    const is_home = me.x == memory.lair_x and me.y == memory.lair_y;
    if (is_home) memory.has_lair = false; // eaten empty
    if (memory.has_lair) return .toward(me, memory.lair_x, memory.lair_y, @bitCast(memory));
    if (food) |node| return .toward(me, node.x, node.y, @bitCast(memory));
    return roam(me, memory);
}

/// Blasters first: an ambusher is worth what it outguns. Thrusters are its reach, harvesters its patience.
fn nextPart(me: Ship) ?wasmverse.Part {
    if (me.energy < wasmverse.upgrade_cost + reserve or me.blasters == 255) return null;
    if (me.harvesters < me.blasters and me.harvesters < 100) return .harvesters;
    if (2 * me.thrusters < me.blasters and me.thrusters < wasmverse.move_cells_max) return .thrusters;
    return .blasters;
}

/// Straight on; near the edge, toward the side with more room.
fn roam(me: Ship, last: Memory) Plan {
    var memory = last;
    // A new ship remembers nothing: the cell it woke in sends it one way or another.
    if (me.memory == 0) memory.heading = @enumFromInt((me.x + me.y) & 3);
    if (me.cellsAhead(memory.heading) <= edge_cells) {
        const right = memory.heading.right();
        const left = memory.heading.left();
        memory.heading = if (me.cellsAhead(right) >= me.cellsAhead(left)) right else left;
    }
    return .move(memory.heading, me.thrusters, @bitCast(memory));
}
