## A vulture.
##
## Where two ships share a cell they fight, and where one dies it leaves a node with all the energy it had. The vulture
## never fights. It perches a few cells from the nearest fight, waits until one of the two is gone, and dives on what is
## left. With no fight in view it feeds like everybody else.

import wasmverse

const
  perchCells = 4 # so far from a fight it waits
  patienceTurns = 12 # and for so long once the fight is over
  reserve = 100 # what an upgrade must leave in store
  hungry = 40 # with less energy it cannot wait for somebody to die
  edgeCells = 12 # a roaming ship turns so far from the edge, from where it still sees up to it

type Memory = object
  ## What it keeps from turn to turn.
  fight: Cell # the last one that it saw
  patience: uint8 # turns that it still waits for what the fight leaves
  heading {.bitsize: 2.}: Direction # a bit field has no invalid value, whatever an older version left there
  isUnderWay {.bitsize: 1.}: bool

func shipsIn(seen: View, cell: Cell): int =
  for other in seen.ships:
    if other.cell == cell: inc result

func nearestFight(me: Ship, seen: View, fight: var Cell): bool =
  ## Two others in one cell; false when there are none. Counting takes long, so it counts only in cells that may have
  ## had a ship before: each cell is one bit of 64, which it shares with some others.
  var visited: set[0 .. 63]
  for other in seen.ships:
    let bit = (other.cell.x and 7) or (other.cell.y and 7) shl 3
    if bit in visited and seen.shipsIn(other.cell) > 1:
      if not result or other.cell.distance(me.cell) < fight.distance(me.cell): fight = other.cell
      result = true
    visited.incl bit

func nearestMeal(me: Ship, seen: View, meal: var Cell): bool =
  ## The nearest node without a ship in its cell; false when there is none.
  for node in seen.nodes:
    if result and node.cell.distance(me.cell) >= meal.distance(me.cell): continue
    if seen.shipsIn(node.cell) > 0: continue
    meal = node.cell
    result = true

func hasNode(seen: View, cell: Cell): bool =
  for node in seen.nodes:
    if node.cell == cell: return true

func nextPart(me: Ship): Part =
  ## Who dives first dines: thrusters, and harvesters to clear the table quickly.
  if me.thrusters < moveCellsMax and me.thrusters <= 2 * me.harvesters: thrusters else: harvesters

func roam(me: Ship, memory: Memory): Plan =
  var kept = memory
  if not kept.isUnderWay: kept.heading = Direction((me.cell.x + me.cell.y) and 3)
  kept.isUnderWay = true
  if me.cellsAhead(kept.heading) <= edgeCells:
    let (right, left) = (kept.heading.right, kept.heading.left)
    kept.heading = if me.cellsAhead(right) >= me.cellsAhead(left): right else: left
  move(kept.heading, me.thrusters).remember(kept)

func perch(me: Ship, fight: Cell, memory: Memory): Plan =
  ## Just out of harm's way, in sight of the fight.
  let tooFar = me.cell.distance(fight) - perchCells
  if tooFar > 0: me.moveTo(fight, atMost = tooFar).remember(memory)
  else: hold().remember(memory)

func fly(me: Ship, seen: View): Plan =
  var memory = me.recall(Memory)
  var fight, meal: Cell

  if seen.shipsIn(me.cell) > 0: return me.roam(memory) # a fight of its own: leave it
  if me.energy >= hungry and me.nearestFight(seen, fight):
    memory.fight = fight
    memory.patience = patienceTurns
    return me.perch(fight, memory)
  if memory.patience > 0 and me.energy >= hungry:
    dec memory.patience
    if seen.hasNode(memory.fight): return me.moveTo(memory.fight).remember(memory)
    if seen.shipsIn(memory.fight) > 0: return hold().remember(memory) # the winner is still at table
  if me.energy >= upgradeCost + reserve and me.harvesters < 100: return upgrade(me.nextPart).remember(memory)
  if me.nearestMeal(seen, meal): return me.moveTo(meal).remember(memory)
  me.roam(memory)

strategy(fly)
