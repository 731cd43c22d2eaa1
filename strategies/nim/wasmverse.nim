## What a strategy in Nim needs: the ship, what it sees, and the plans that it may return.
##
## `strategy(fly)` makes `func fly(me: Ship, seen: View): Plan` the strategy of the module. Nothing here allocates: one
## instance decides for thousands of ships in a row.

const
  gridSize* = 100 ## cells along each side of a solar system
  moveCellsMax* = 15 ## more thrusters than this move no ship further
  upgradeCost* = 50 ## energy
  shieldFull* = 100

type
  Kind* {.size: 1.} = enum
    unknown, ship, node

  Direction* = enum
    north, east, south, west ## north is y-, east is x+

  Part* = enum
    blasters, thrusters, harvesters

  Cell* = distinct uint16
    ## Both coordinates in one number, as the host writes them: whether two things share a cell is one comparison.

  Entity* {.packed.} = object
    ## One of the others, closer than 16 cells: four bytes.
    kind*: Kind
    danger*: uint8 ## the blasters of a ship, 0 for a node
    cell*: Cell

  View* = object
    ## All that a ship sees: ships first, oldest first, then nodes.
    entities: ptr UncheckedArray[Entity]
    len: int

  Ship* = object
    ## The ship that decides.
    cell*: Cell
    energy*, shield*, blasters*, thrusters*, harvesters*: int32
    lastPlan: uint64

  Plan* = distinct uint64
    ## Byte 0 is the command, bytes 1 to 7 are the ship's memory and come back next turn.

# ---- Cells

func x*(cell: Cell): int32 = int32(uint16(cell) and 0xff)
func y*(cell: Cell): int32 = int32(uint16(cell) shr 8)
func `==`*(a, b: Cell): bool {.borrow.}

func distance*(a, b: Cell): int32 =
  ## Moves go along the axes, so this, not the straight line, says how far it is.
  abs(a.x - b.x) + abs(a.y - b.y)

func right*(direction: Direction): Direction = Direction((ord(direction) + 1) and 3)
func left*(direction: Direction): Direction = Direction((ord(direction) + 3) and 3)

func cellsAhead*(me: Ship, direction: Direction): int32 =
  ## How many lie between the ship and the edge of the grid.
  case direction
  of north: me.cell.y
  of east: gridSize - 1 - me.cell.x
  of south: gridSize - 1 - me.cell.y
  of west: me.cell.x

# ---- What a ship sees

iterator ships*(seen: View): Entity =
  for index in 0 ..< seen.len:
    if seen.entities[index].kind != ship: break # only nodes follow
    yield seen.entities[index]

iterator nodes*(seen: View): Entity =
  for index in countdown(seen.len - 1, 0):
    if seen.entities[index].kind != node: break # only ships are before them
    yield seen.entities[index]

# ---- Plans

func hold*: Plan =
  ## Stay in this cell: whoever is alone there harvests its nodes and mends its shield.
  Plan(0)

func move*(direction: Direction, cells: int32): Plan =
  ## In a straight line; at most as many cells as the ship has thrusters, and not over the edge.
  Plan(0x40 or ord(direction) shl 4 or min(cells, moveCellsMax))

func moveTo*(me: Ship, to: Cell, atMost: int32 = moveCellsMax): Plan =
  ## One move toward a cell, the longer way first, never past it; holds in the cell itself.
  let (wide, high) = (to.x - me.cell.x, to.y - me.cell.y)
  if wide == 0 and high == 0: hold()
  elif abs(wide) >= abs(high): move(if wide < 0: west else: east, min(abs(wide), atMost))
  else: move(if high < 0: north else: south, min(abs(high), atMost))

func upgrade*(part: Part): Plan =
  ## Add one to a part.
  Plan(0x80 or ord(part))

func remember*[T](plan: Plan, kept: T): Plan =
  ## The same command, and an object of at most seven bytes to find again next turn.
  static: assert sizeof(T) <= 7
  result = plan
  copyMem(cast[pointer](cast[int](addr result) + 1), unsafeAddr kept, sizeof(T))

func recall*(me: Ship, T: typedesc): T =
  ## What the last plan stored; a new ship finds zeros.
  static: assert sizeof(T) <= 7
  copyMem(addr result, cast[pointer](cast[int](unsafeAddr me.lastPlan) + 1), sizeof(T))

# ---- What the universe calls

var room: array[1 shl 14, Entity]

proc cabiRealloc(old: pointer, oldBytes, align, bytes: uint32): pointer {.
    exportc: "cabi_realloc", codegenDecl: "__attribute__((export_name(\"cabi_realloc\"))) $# $#$#".} =
  ## The list is written to the same room each time: that of one ship is of no use to the next.
  if bytes > uint32(sizeof(room)): {.emit: "__builtin_trap();".}
  addr room

template strategy*(fly: untyped) =
  proc decide(kind, x, y, energy, shield, blasters, thrusters, harvesters: int32, lastPlan: uint64,
      system: ptr UncheckedArray[Entity], bytes: uint32): uint64 {.
      exportc: "decide", codegenDecl: "__attribute__((export_name(\"decide\"))) $# $#$#".} =
    uint64(fly(newShip(x, y, energy, shield, blasters, thrusters, harvesters, lastPlan), newView(system, bytes)))

func newShip*(x, y, energy, shield, blasters, thrusters, harvesters: int32, lastPlan: uint64): Ship =
  Ship(cell: Cell(x or y shl 8), energy: energy, shield: shield, blasters: blasters, thrusters: thrusters,
    harvesters: harvesters, lastPlan: lastPlan)

func newView*(system: ptr UncheckedArray[Entity], bytes: uint32): View =
  View(entities: system, len: int(bytes) div sizeof(Entity))
