//! A coward.
//!
//! A ship within four cells gives it a fright: it runs, and goes on running for two more turns before it dares to look
//! for food again. Legs are worth more to it than anything, so it buys thrusters first; what it
//! cannot outrun it has seen coming. In peace it nibbles at the nearest node.

#![no_std]
#![no_main]

mod wasmverse;

use wasmverse::{Direction, Entity, Part, Plan, Ship, View, MOVE_CELLS_MAX, UPGRADE_COST};

/// So close, in cells, a ship is frightening.
const FRIGHT_CELLS: i32 = 4;
/// So many turns it runs on when there is nothing left to run from.
const FRIGHT_TURNS: u8 = 2;
/// What an upgrade must leave in store.
const RESERVE: i32 = 100;

/// What it keeps from turn to turn.
#[derive(Clone, Copy)]
struct Memory {
    heading: Direction,
    fright: u8,
}

impl Memory {
    fn of(me: &Ship) -> Memory {
        // A new ship remembers nothing: the cell it woke in sends it one way or another.
        let heading = if me.memory == 0 { (me.x + me.y) as u64 } else { me.memory };
        Memory { heading: Direction::from_bits(heading), fright: (me.memory >> 8) as u8 }
    }
}

impl From<Memory> for u64 {
    fn from(memory: Memory) -> u64 {
        const KNOWN: u64 = 4;
        memory.heading as u64 | KNOWN | u64::from(memory.fright) << 8
    }
}

fn fly(me: &Ship, seen: View) -> Plan {
    let memory = Memory::of(me);
    let calm = Memory { fright: memory.fright.saturating_sub(1), ..memory };

    if let Some(threat) = nearest(seen.ships, me).filter(|ship| ship.distance(me) <= FRIGHT_CELLS) {
        return run(me, Memory { heading: away_from(me, threat), fright: FRIGHT_TURNS });
    }
    if memory.fright > 0 {
        return run(me, calm);
    }
    if let Some(part) = next_part(me).filter(|_| me.energy >= UPGRADE_COST + RESERVE) {
        return Plan::upgrade(part).remember(calm);
    }
    match nearest(seen.nodes, me) {
        Some(node) => me.toward(node).remember(calm),
        None => run(me, calm),
    }
}

fn nearest<'a>(entities: &'a [Entity], me: &Ship) -> Option<&'a Entity> {
    entities.iter().min_by_key(|entity| entity.distance(me))
}

/// The direction that puts most distance between the two; from the same cell, any.
fn away_from(me: &Ship, threat: &Entity) -> Direction {
    let (east, south) = threat.offset(me);
    Direction::of(-east, -south)
}

/// As far as the thrusters carry it, along the edge where straight on there is no way.
fn run(me: &Ship, memory: Memory) -> Plan {
    let (ahead, right, left) = (memory.heading, memory.heading.right(), memory.heading.left());
    let heading = match me.cells_ahead(ahead) {
        0 if me.cells_ahead(right) >= me.cells_ahead(left) => right,
        0 => left,
        _ => ahead,
    };
    Plan::fly(heading, me.thrusters).remember(Memory { heading, ..memory })
}

/// Thrusters up to what a move can use, then harvesters.
fn next_part(me: &Ship) -> Option<Part> {
    match me {
        Ship { thrusters, .. } if *thrusters < MOVE_CELLS_MAX => Some(Part::Thrusters),
        Ship { harvesters, .. } if *harvesters < 100 => Some(Part::Harvesters),
        _ => None,
    }
}
