// A hypochondriac.
//
// It works only when it feels well. With a scratch in its shield it runs from everybody until nobody is near, then lies
// down, on a node if it can, and does not get up before the shield is as good as new. Healthy, it harvests what is
// nearest, and spends it on the means to get away.
package main

const (
	shieldScratched = 90  // below this it is unwell
	cellsNear       = 7   // so close a ship is a worry, and a bed is worth the way
	reserve         = 100 // what an upgrade must leave in store
	edgeCells       = 12  // a roaming ship turns so far from the edge, from where it still sees up to it
)

// A memory is kept from turn to turn: two bits of heading, and whether the ship was unwell.
type memory uint64

const (
	headingKnown memory = 4 // the heading means something; a new ship has none
	unwell       memory = 8
)

func (m memory) heading() Direction { return Direction(m & 3) }

func (m memory) toward(d Direction) memory { return m&unwell | headingKnown | memory(d) }

func fly(me *Ship, seen View) Plan {
	m := memory(me.Memory)
	if m&headingKnown == 0 { // the cell it woke in sends it one way or another
		m = m.toward(Direction(me.X+me.Y) & 3)
	}
	if me.Shield == ShieldFull || me.Shield >= shieldScratched && m&unwell == 0 {
		return work(me, m&^unwell, seen)
	}
	m |= unwell
	if worry := me.NearestShip(seen); worry != nil && me.IsWithin(cellsNear, worry) {
		return run(me, m, worry)
	}
	if bed := me.NearestNode(seen); bed != nil && me.IsWithin(cellsNear, bed) {
		return MoveBy(me.Offset(bed)).Remember(uint64(m))
	}
	return Hold().Remember(uint64(m))
}

// work for a living: thrusters to get away, harvesters to afford them.
func work(me *Ship, m memory, seen View) Plan {
	if me.Energy >= UpgradeCost+reserve {
		switch {
		case me.Thrusters < MoveCells && me.Thrusters <= me.Harvesters:
			return Upgrade(Thrusters).Remember(uint64(m))
		case me.Harvesters < 100:
			return Upgrade(Harvesters).Remember(uint64(m))
		}
	}
	if node := me.NearestNode(seen); node != nil {
		return MoveBy(me.Offset(node)).Remember(uint64(m))
	}
	heading := m.heading()
	if me.CellsAhead(heading) <= edgeCells {
		heading = turned(me, heading)
	}
	return Move(heading, me.Thrusters).Remember(uint64(m.toward(heading)))
}

// run from a ship, along the axis on which it is further away, so that it has furthest to go.
func run(me *Ship, m memory, worry *Entity) Plan {
	heading := m.heading() // from the same cell, any way out will do
	switch east, south := me.Offset(worry); {
	case east == 0 && south == 0:
	case abs(east) >= abs(south) && east > 0:
		heading = West
	case abs(east) >= abs(south):
		heading = East
	case south > 0:
		heading = North
	default:
		heading = South
	}
	if me.CellsAhead(heading) == 0 {
		heading = turned(me, heading)
	}
	return Move(heading, me.Thrusters).Remember(uint64(m.toward(heading)))
}

// turned is the direction to the side with more room.
func turned(me *Ship, heading Direction) Direction {
	if me.CellsAhead(heading.Right()) >= me.CellsAhead(heading.Left()) {
		return heading.Right()
	}
	return heading.Left()
}
