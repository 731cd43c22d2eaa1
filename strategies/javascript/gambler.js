// Bets: of all the nodes in view it draws one, a near one more likely than a far one, and flies there whatever comes. With no
// node in view it flies straight on, and lets chance say where to at the edge.
//
// Memory: the cell that it is bound for, or 0.

import { GRID_SIZE, NODE, Part, cellsAhead, distance, move, moveToward, upgrade } from "./wasmverse.js";

const cellOf = (entity) => 1 + entity.x + GRID_SIZE * entity.y;

export function decide(ship, system) {
  const bound = ship.memory;
  if (ship.energy >= 150) return upgrade(ship.thrusters < 5 ? Part.Thrusters : Part.Harvesters, bound);

  let drawn = null;
  let odds = 0;
  for (const entity of system) {
    if (entity.kind !== NODE) continue;
    if (cellOf(entity) === bound) return moveToward(ship, entity, bound);
    const cells = 1 + distance(ship, entity);
    const share = 1 / (cells * cells);
    odds += share;
    if (Math.random() * odds < share) drawn = entity;
  }
  if (drawn) return moveToward(ship, drawn, cellOf(drawn));

  const straight = (ship.lastCommand >> 4) & 3;
  return move(cellsAhead(ship, straight) > 0 ? straight : Math.floor(Math.random() * 4), ship.thrusters);
}
