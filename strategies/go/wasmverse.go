package main

// What a strategy in Go needs: the ship, what it sees, and the plans that it may return. Beside this file, define
//
//	func fly(me *Ship, seen View) Plan
//
// and that is the strategy. Nothing here allocates: one instance decides for thousands of ships in a row.

import "unsafe"

const (
	GridSize    = 100 // cells along each side of a solar system
	MoveCells   = 15  // more thrusters than this move no ship further
	UpgradeCost = 50  // energy
	ShieldFull  = 100
)

// A Kind of entity.
type Kind uint8

const (
	KindShip Kind = 1
	KindNode Kind = 2
)

// A Direction of a move.
type Direction uint8

const (
	North Direction = iota // y shrinks
	East                   // x grows
	South                  // y grows
	West                   // x shrinks
)

// Right is a quarter turn clockwise.
func (d Direction) Right() Direction { return (d + 1) & 3 }

// Left is a quarter turn the other way.
func (d Direction) Left() Direction { return (d + 3) & 3 }

// A Part of a ship, which an upgrade makes larger by one.
type Part uint8

const (
	Blasters Part = iota
	Thrusters
	Harvesters
)

// An Entity is one of the others, closer than 16 cells: the four bytes that the host wrote.
type Entity struct {
	Kind   Kind
	Danger uint8 // the blasters of a ship, 0 for a node
	X, Y   uint8
}

// A View is all that a ship sees: ships first, oldest first, then nodes.
type View []Entity

// A Ship decides.
type Ship struct {
	X, Y                            int
	Energy, Shield                  int
	Blasters, Thrusters, Harvesters int
	Memory                          uint64 // the seven bytes that its last plan stored; a new ship finds zeros
}

// Offset is how far east and south of the ship an entity is; negative for west and north.
func (s *Ship) Offset(e *Entity) (east, south int) {
	return int(e.X) - s.X, int(e.Y) - s.Y
}

// IsWithin so many cells of an entity, in a straight line.
func (s *Ship) IsWithin(cells int, e *Entity) bool {
	east, south := s.Offset(e)
	return east*east+south*south < cells*cells
}

// NearestShip in view, nil when there is none. Of some at the same distance, the oldest.
func (s *Ship) NearestShip(seen View) *Entity {
	x, y, nearest := s.X, s.Y, nobody
	for i := range seen {
		e := &seen[i]
		if e.Kind != KindShip {
			break // only nodes follow
		}
		east, south := int(e.X)-x, int(e.Y)-y
		nearest = min(nearest, (east*east+south*south)<<16|i)
	}
	return seen.at(nearest)
}

// NearestNode in view, nil when there is none. Of some at the same distance, the oldest.
func (s *Ship) NearestNode(seen View) *Entity {
	x, y, nearest := s.X, s.Y, nobody
	for i := len(seen) - 1; i >= 0; i-- {
		e := &seen[i]
		if e.Kind != KindNode {
			break // only ships are before it
		}
		east, south := int(e.X)-x, int(e.Y)-y
		nearest = min(nearest, (east*east+south*south)<<16|i)
	}
	return seen.at(nearest)
}

// While searching, the square of the distance and the index are one number: that spares each loop a branch, and loops
// are what takes longest in Go's WebAssembly.
const nobody = 2 * GridSize * GridSize << 16

func (v View) at(nearest int) *Entity {
	if i := nearest & 0xffff; nearest < nobody && i < len(v) {
		return &v[i]
	}
	return nil
}

// CellsAhead lie between the ship and the edge of the grid.
func (s *Ship) CellsAhead(d Direction) int {
	switch d {
	case North:
		return s.Y
	case East:
		return GridSize - 1 - s.X
	case South:
		return GridSize - 1 - s.Y
	}
	return s.X
}

// A Plan has the command in byte 0; bytes 1 to 7 are the ship's memory and come back next turn.
type Plan uint64

// Hold stays in the cell: whoever is alone there harvests its nodes and mends its shield.
func Hold() Plan { return 0 }

// Move in a straight line; at most as many cells as the ship has thrusters, and not over the edge.
func Move(d Direction, cells int) Plan {
	return Plan(0x40 | int(d)<<4 | min(cells, MoveCells))
}

// MoveBy so far east and south, the longer way first, never past it; holds when there is no way to go.
func MoveBy(east, south int) Plan {
	switch wide, high := abs(east), abs(south); {
	case wide == 0 && high == 0:
		return Hold()
	case wide >= high && east > 0:
		return Move(East, wide)
	case wide >= high:
		return Move(West, wide)
	case south > 0:
		return Move(South, high)
	default:
		return Move(North, high)
	}
}

// Upgrade adds one to a part.
func Upgrade(p Part) Plan { return Plan(0x80 | p) }

// Remember has the same command, and seven bytes to find again next turn.
func (p Plan) Remember(memory uint64) Plan { return p&0xff | Plan(memory<<8) }

func abs(n int) int { return max(n, -n) }

// ---- What the universe calls

var room [1 << 14]Entity

// The list is written to the same room each time: that of one ship is of no use to the next.
//
//go:wasmexport cabi_realloc
func realloc(_, _, _, bytes uint32) unsafe.Pointer {
	if uintptr(bytes) > unsafe.Sizeof(room) {
		panic("a list of more than 16,384 entities")
	}
	return unsafe.Pointer(&room)
}

//go:wasmexport decide
func decide(_, x, y, energy, shield, blasters, thrusters, harvesters int32, last uint64, _ unsafe.Pointer, bytes uint32) uint64 {
	seen := room[:bytes/uint32(unsafe.Sizeof(room[0]))]
	me := Ship{int(x), int(y), int(energy), int(shield), int(blasters), int(thrusters), int(harvesters), last >> 8}
	return uint64(fly(&me, seen))
}

func main() {} // a library has none, but the compiler asks for it
