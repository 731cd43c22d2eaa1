-- Wants to be alone: of the nodes in view it makes for the one that is furthest from all other ships, if nobody else can be there
-- first. With company near and no such node it goes away from the middle of the crowd, and alone without a node it wanders.
--
-- Memory: how it wanders, a direction.

local w = require "wasmverse"
local distance = w.distance

local ENOUGH = 150 -- energy
local COMPANY = 8 -- cells
local LONELY = 2 * w.GRID_SIZE -- as far as a ship that is not there

-- How many ships are in view; they come first.
local function count_ships(system)
  for number, entity in ipairs(system) do
    if entity.kind == w.NODE then return number - 1 end
  end
  return #system
end

-- How far the nearest of the first ships in a system is from a place. No further than this is as good as beside it.
local function solitude(place, system, ships, no_further)
  local cells = LONELY
  for number = 1, ships do
    local away = distance(place, system[number])
    if away <= no_further then return 0 end
    if away < cells then cells = away end
  end
  return cells
end

-- The node with the most solitude that nobody is at before us; the first of two as lonely.
local function refuge(ship, system, ships)
  local found, most = nil, 0
  for number = ships + 1, #system do
    local node = system[number]
    local away = distance(ship, node)
    local alone = solitude(node, system, ships, away > most and away or most)
    if alone > most then found, most = node, alone end
  end
  return found
end

-- The way from the middle of the crowd to which there is room.
local function away_from(ship, system, ships)
  local east, south = 0, 0
  for number = 1, ships do
    east, south = east + ship.x - system[number].x, south + ship.y - system[number].y
  end
  local one = east >= 0 and w.EAST or w.WEST
  local other = south >= 0 and w.SOUTH or w.NORTH
  if math.abs(south) > math.abs(east) then one, other = other, one end
  if w.cells_ahead(ship, one) > 0 then return one end
  return w.cells_ahead(ship, other) > 0 and other or (other + 2) & 3 -- out of a corner along its side
end

local function decide(ship, system)
  local wandering = ship.memory & 3
  if ship.energy >= ENOUGH then
    return w.upgrade(ship.thrusters < 5 and w.THRUSTERS or w.HARVESTERS, wandering)
  end
  local ships = count_ships(system)
  local node = refuge(ship, system, ships)
  if node then return w.move_toward(ship, node, wandering) end
  if solitude(ship, system, ships, COMPANY) == 0 then
    wandering = away_from(ship, system, ships)
  elseif w.cells_ahead(ship, wandering) == 0 then
    wandering = math.random(0, 3)
  end
  return w.move(wandering, ship.thrusters, wandering)
end

return decide
