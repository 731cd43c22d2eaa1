//! What a strategy in Zig needs: the ship, what it sees, and the plans that it may return.
//!
//! `comptime { wasmverse.strategy(fly); }` makes `fn fly(me: Ship, seen: View) Plan` the strategy of the module. Nothing
//! here allocates: one instance decides for thousands of ships in a row.

const std = @import("std");

/// A solar system has this many cells along each side.
pub const grid_size = 100;
/// A plan has four bits for the cells of a move, so more thrusters than this move no ship further.
pub const move_cells_max = 15;
/// The energy that one upgrade costs.
pub const upgrade_cost = 50;
/// A shield in full repair.
pub const shield_full = 100;

pub const Kind = enum(u8) { ship = 1, node = 2, _ };

/// North is where y shrinks, east where x grows.
pub const Direction = enum(u2) {
    north,
    east,
    south,
    west,

    /// Of a step that leads so far east and south, either of which may be negative: along the longer way.
    pub fn of(east: i32, south: i32) Direction {
        if (@abs(east) >= @abs(south)) return if (east < 0) .west else .east;
        return if (south < 0) .north else .south;
    }

    pub fn right(self: Direction) Direction {
        return @enumFromInt(@intFromEnum(self) +% 1);
    }

    pub fn left(self: Direction) Direction {
        return @enumFromInt(@intFromEnum(self) -% 1);
    }
};

pub const Part = enum(u2) { blasters, thrusters, harvesters };

/// Seven bytes that come back next turn. A packed struct of 56 bits can be cast to them with `@bitCast`.
pub const Memory = u56;

/// One of the others, closer than 16 cells: the four bytes that the host wrote.
pub const Entity = extern struct {
    kind: Kind,
    /// The blasters of a ship, 0 for a node.
    danger: u8,
    x: u8,
    y: u8,

    /// Moves go along the axes, so this, not the straight line, says how far away it is.
    pub fn distance(self: *const Entity, ship: Ship) u32 {
        return @abs(self.x - ship.x) + @abs(self.y - ship.y);
    }
};

/// All that a ship sees, each kind with the oldest first.
pub const View = struct {
    ships: []const Entity,
    nodes: []const Entity,

    /// Ships come first in what the host writes.
    fn of(entities: []const Entity) View {
        var ships: usize = 0;
        while (ships < entities.len and entities[ships].kind == .ship) ships += 1;
        return .{ .ships = entities[0..ships], .nodes = entities[ships..] };
    }
};

/// The nearest of some entities, the first among equals; null when there is none.
pub fn nearest(entities: []const Entity, ship: Ship) ?*const Entity {
    var found: ?*const Entity = null;
    var found_distance: u32 = std.math.maxInt(u32);
    for (entities) |*entity| {
        const distance = entity.distance(ship);
        if (distance < found_distance) {
            found = entity;
            found_distance = distance;
        }
    }
    return found;
}

/// The ship that decides.
pub const Ship = struct {
    x: i32,
    y: i32,
    energy: u32,
    shield: u32,
    blasters: u32,
    thrusters: u32,
    harvesters: u32,
    /// What its last plan stored; a new ship finds zeros.
    memory: Memory,

    /// How many cells lie between the ship and the edge of the grid.
    pub fn cellsAhead(self: Ship, direction: Direction) u32 {
        return @intCast(switch (direction) {
            .north => self.y,
            .east => grid_size - 1 - self.x,
            .south => grid_size - 1 - self.y,
            .west => self.x,
        });
    }
};

/// Byte 0 is the command, bytes 1 to 7 are the ship's memory.
pub const Plan = packed struct(u64) {
    command: u8,
    memory: Memory,

    /// Stay in this cell: whoever is alone there harvests its nodes and mends its shield.
    pub fn hold(memory: Memory) Plan {
        return .{ .command = 0, .memory = memory };
    }

    /// Move in a straight line; at most as many cells as the ship has thrusters, and not over the edge.
    pub fn move(direction: Direction, cells: u32, memory: Memory) Plan {
        const Move = packed struct(u8) { cells: u4, direction: Direction, tag: u2 = 0b01 };
        const command: Move = .{ .cells = @intCast(@min(cells, move_cells_max)), .direction = direction };
        return .{ .command = @bitCast(command), .memory = memory };
    }

    /// Add one to a part.
    pub fn upgrade(part: Part, memory: Memory) Plan {
        return .{ .command = 0x80 | @as(u8, @intFromEnum(part)), .memory = memory };
    }

    /// One move toward a cell, the longer way first, never past it; holds in the cell itself.
    pub fn toward(me: Ship, x: i32, y: i32, memory: Memory) Plan {
        const east = x - me.x;
        const south = y - me.y;
        if (east == 0 and south == 0) return hold(memory);
        return move(.of(east, south), @max(@abs(east), @abs(south)), memory);
    }
};

// ---- What the universe calls

/// Makes a function the strategy of the module: `comptime { wasmverse.strategy(fly); }`.
pub fn strategy(comptime fly: fn (me: Ship, seen: View) Plan) void {
    const exports = struct {
        var room: [1 << 16]u8 = undefined;

        /// Where the list may be written: in the same room each time, since the list of one ship is of no use to the next.
        fn realloc(_: usize, _: usize, _: usize, bytes: usize) callconv(.c) [*]u8 {
            if (bytes > room.len) @trap();
            return &room;
        }

        fn decide(
            _: u32, // the kind: always a ship
            x: i32,
            y: i32,
            energy: u32,
            shield: u32,
            blasters: u32,
            thrusters: u32,
            harvesters: u32,
            last_plan: u64,
            system: [*]const Entity,
            system_bytes: usize,
        ) callconv(.c) u64 {
            const last: Plan = @bitCast(last_plan);
            const me: Ship = .{
                .x = x,
                .y = y,
                .energy = energy,
                .shield = shield,
                .blasters = blasters,
                .thrusters = thrusters,
                .harvesters = harvesters,
                .memory = last.memory,
            };
            return @bitCast(fly(me, .of(system[0 .. system_bytes / @sizeOf(Entity)])));
        }
    };
    @export(&exports.realloc, .{ .name = "cabi_realloc" });
    @export(&exports.decide, .{ .name = "decide" });
}
