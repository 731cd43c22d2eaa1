//! What a strategy in Rust needs: the ship, what it sees, and the plans that it may return.
//!
//! The file that says `mod wasmverse;` defines `fn fly(me: &Ship, seen: View) -> Plan`, and that is the strategy. Nothing
//! here allocates: one instance decides for thousands of ships in a row.

#![allow(dead_code)] // a strategy need not use everything

/// A solar system has this many cells along each side.
pub const GRID_SIZE: i32 = 100;
/// A plan has four bits for the cells of a move, so more thrusters than this move no ship further.
pub const MOVE_CELLS_MAX: i32 = 15;
/// The energy that one upgrade costs.
pub const UPGRADE_COST: i32 = 50;
/// A shield in full repair.
pub const SHIELD_FULL: i32 = 100;

const SHIP: u8 = 1;

/// The ship that decides.
#[derive(Clone, Copy)]
pub struct Ship {
    pub x: i32,
    pub y: i32,
    pub energy: i32,
    pub shield: i32,
    pub blasters: i32,
    pub thrusters: i32,
    pub harvesters: i32,
    /// The seven bytes that its last plan stored; a new ship finds zeros.
    pub memory: u64,
}

/// One of the others, closer than 16 cells: the four bytes that the host wrote.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entity {
    kind: u8,
    /// The blasters of a ship, 0 for a node.
    pub danger: u8,
    pub x: u8,
    pub y: u8,
}

/// All that a ship sees, each kind with the oldest first.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub ships: &'a [Entity],
    pub nodes: &'a [Entity],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    North, // y shrinks
    East,  // x grows
    South, // y grows
    West,  // x shrinks
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Blasters,
    Thrusters,
    Harvesters,
}

/// Byte 0 is the command, bytes 1 to 7 are the ship's memory and come back next turn.
#[derive(Clone, Copy)]
pub struct Plan(pub u64);

impl Plan {
    /// Stay in this cell: whoever is alone there harvests its nodes and mends its shield.
    pub fn hold() -> Plan {
        Plan(0)
    }

    /// Move in a straight line; at most as many cells as the ship has thrusters, and not over the edge.
    pub fn fly(direction: Direction, cells: i32) -> Plan {
        Plan(0x40 | (direction as u64) << 4 | cells.clamp(0, MOVE_CELLS_MAX) as u64)
    }

    /// Add one to a part.
    pub fn upgrade(part: Part) -> Plan {
        Plan(0x80 | part as u64)
    }

    /// The same command, and seven bytes to find again next turn.
    pub fn remember(self, memory: impl Into<u64>) -> Plan {
        Plan(self.0 & 0xff | memory.into() << 8)
    }
}

impl Entity {
    /// How far east and south of a ship this is; negative for west and north.
    pub fn offset(&self, from: &Ship) -> (i32, i32) {
        (i32::from(self.x) - from.x, i32::from(self.y) - from.y)
    }

    /// Moves go along the axes, so this, not the straight line, says how far away it is.
    pub fn distance(&self, from: &Ship) -> i32 {
        let (east, south) = self.offset(from);
        east.abs() + south.abs()
    }
}

impl Ship {
    /// One move toward an entity, the longer way first, never past it; holds in its cell.
    pub fn toward(&self, entity: &Entity) -> Plan {
        match entity.offset(self) {
            (0, 0) => Plan::hold(),
            (east, south) => Plan::fly(Direction::of(east, south), east.abs().max(south.abs())),
        }
    }

    /// How many cells lie between the ship and the edge of the grid.
    pub fn cells_ahead(&self, direction: Direction) -> i32 {
        match direction {
            Direction::North => self.y,
            Direction::East => GRID_SIZE - 1 - self.x,
            Direction::South => GRID_SIZE - 1 - self.y,
            Direction::West => self.x,
        }
    }
}

impl Direction {
    /// Of a step that leads so far east and south: along the longer way.
    pub fn of(east: i32, south: i32) -> Direction {
        match (east.abs() >= south.abs(), east < 0, south < 0) {
            (true, false, _) => Direction::East,
            (true, true, _) => Direction::West,
            (false, _, false) => Direction::South,
            (false, _, true) => Direction::North,
        }
    }

    /// From the low two bits of a number.
    pub fn from_bits(bits: u64) -> Direction {
        match bits & 3 {
            0 => Direction::North,
            1 => Direction::East,
            2 => Direction::South,
            _ => Direction::West,
        }
    }

    pub fn right(self) -> Direction {
        Direction::from_bits(self as u64 + 1)
    }

    pub fn left(self) -> Direction {
        Direction::from_bits(self as u64 + 3)
    }
}

impl<'a> View<'a> {
    /// Ships come first in what the host writes, so one search finds where they end.
    pub fn of(seen: &'a [Entity]) -> View<'a> {
        let count = seen.iter().take_while(|entity| entity.kind == SHIP).count();
        let (ships, nodes) = seen.split_at(count);
        View { ships, nodes }
    }
}

// ---- What the universe calls

static mut ROOM: [u8; 1 << 16] = [0; 1 << 16];

/// Where the list may be written: in the same room each time, since the list of one ship is of no use to the next.
#[no_mangle]
unsafe extern "C" fn cabi_realloc(_old: usize, _old_bytes: usize, _align: usize, bytes: usize) -> *mut u8 {
    assert!(bytes <= 1 << 16);
    core::ptr::addr_of_mut!(ROOM).cast()
}

#[no_mangle]
#[rustfmt::skip]
unsafe extern "C" fn decide(
    _kind: i32, x: i32, y: i32, energy: i32, shield: i32, blasters: i32, thrusters: i32, harvesters: i32,
    last_plan: u64, system: *const Entity, system_bytes: usize,
) -> u64 {
    let me = Ship { x, y, energy, shield, blasters, thrusters, harvesters, memory: last_plan >> 8 };
    let seen = core::slice::from_raw_parts(system, system_bytes / core::mem::size_of::<Entity>());
    crate::fly(&me, View::of(seen)).0
}

/// A panic is a trap, and a trap is a fault: the ship holds, and its memory is unchanged.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
