"""Harvests what is near and nobody's; otherwise makes its rounds from corner to corner of the system.

The corner that it is on its way to is the one thing it remembers.
"""

from wasmverse.pilot import (
    NODE,
    Cell,
    Part,
    Plan,
    Ship,
    System,
    danger_at,
    distance,
    move_toward,
    nearest,
    upgrade,
)

CORNERS = (Cell(14, 14), Cell(85, 14), Cell(85, 85), Cell(14, 85))


def decide(ship: Ship, system: System) -> Plan:
    """The plan of one ship for this turn."""
    corner = ship.memory & 3
    if ship.energy >= 150:
        return upgrade(Part.HARVESTERS, corner)

    node = nearest(NODE, ship, system)
    if node is not None and danger_at(node.x, node.y, system) == 0:
        return move_toward(ship, node, corner)

    if distance(ship, CORNERS[corner]) < 4:
        corner = (corner + 1) & 3
    return move_toward(ship, CORNERS[corner], corner)
