-- What every strategy needs: the kinds of entity, questions about what is in view, and the plans it may return.

local w = {}

-- Kinds of entity.
w.SHIP, w.NODE = 1, 2

-- A solar system is a square of this many cells a side.
w.GRID_SIZE = 100

-- A plan has four bits for the number of cells, so more thrusters than this move no ship further.
w.MOVE_CELLS_MAX = 15

-- The largest number that a ship can remember: seven bytes.
w.MEMORY_MAX = (1 << 56) - 1

w.NORTH, w.EAST, w.SOUTH, w.WEST = 0, 1, 2, 3
w.BLASTERS, w.THRUSTERS, w.HARVESTERS = 0, 1, 2

local NORTH, EAST, SOUTH, WEST = w.NORTH, w.EAST, w.SOUTH, w.WEST -- locals are found faster
local GRID_SIZE, MOVE_CELLS_MAX = w.GRID_SIZE, w.MOVE_CELLS_MAX

-- Stay in this cell; whoever is alone with a node harvests it.
function w.hold(memory)
  return (memory or 0) << 8
end

-- Move in a straight line. A ship gets no further than its thrusters, and stops at the edge.
function w.move(direction, cells, memory)
  if cells > MOVE_CELLS_MAX then cells = MOVE_CELLS_MAX end
  if cells < 0 then cells = 0 end
  return (memory or 0) << 8 | 0x40 | (direction & 3) << 4 | cells
end

-- Add one to a part of the ship.
function w.upgrade(part, memory)
  return (memory or 0) << 8 | 0x80 | (part & 3)
end

-- One move toward a cell, the longer way first, never past it; holds in the cell itself.
function w.move_toward(ship, target, memory)
  local east, south = target.x - ship.x, target.y - ship.y
  local far_east, far_south = math.abs(east), math.abs(south)
  if far_east == 0 and far_south == 0 then return w.hold(memory) end
  if far_east >= far_south then return w.move(east > 0 and EAST or WEST, far_east, memory) end
  return w.move(south > 0 and SOUTH or NORTH, far_south, memory)
end

-- Cells between two things. Moves go along the axes, so this, not the straight line, says how far away something is.
function w.distance(one, other)
  local east, south = one.x - other.x, one.y - other.y
  return (east < 0 and -east or east) + (south < 0 and -south or south)
end

-- The nearest entity of a kind, the first of the list among equals; nil when none is in view.
function w.nearest(kind, ship, system)
  local found, found_cells = nil, 2 * GRID_SIZE
  for _, entity in ipairs(system) do
    if entity.kind == kind then
      local cells = w.distance(ship, entity)
      if cells < found_cells then found, found_cells = entity, cells end
    end
  end
  return found
end

-- How many cells lie between the ship and the edge of the grid in this direction.
function w.cells_ahead(ship, direction)
  if direction == NORTH then return ship.y end
  if direction == EAST then return GRID_SIZE - 1 - ship.x end
  if direction == SOUTH then return GRID_SIZE - 1 - ship.y end
  return ship.x
end

return w
