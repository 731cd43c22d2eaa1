"""What a plan says, where it leads, and random cases to ask a strategy about."""

from hypothesis import strategies as st

from .guest import NODE, SHIP, Ship

NAMES = ["strategy_battle", "strategy_blank", "strategy_default", "strategy_flee"]
LIVING_NAMES = [name for name in NAMES if name != "strategy_blank"]

BUDGET_FUEL = 20_000

NORTH, EAST, SOUTH, WEST = range(4)
BLASTERS, THRUSTERS, HARVESTERS = range(3)
STEPS = {NORTH: (0, -1), EAST: (1, 0), SOUTH: (0, 1), WEST: (-1, 0)}


def command(plan):
    """('hold',), ('move', direction, cells) or ('upgrade', part); fails on anything else."""
    byte = plan & 0xFF
    if byte == 0:
        return ("hold",)
    if byte >> 6 == 0b01:
        return ("move", byte >> 4 & 3, byte & 15)
    assert byte in (0x80, 0x81, 0x82), f"invalid command {byte:#010b}"
    return ("upgrade", byte & 3)


def after_move(ship, plan):
    """Where the rules put the ship when it carries out its plan."""
    kind, *rest = command(plan)
    if kind != "move":
        return ship.x, ship.y
    direction, cells = rest
    way = min(cells, ship.thrusters)
    step_x, step_y = STEPS[direction]
    return min(max(ship.x + step_x * way, 0), 99), min(max(ship.y + step_y * way, 0), 99)


def square_distance(ship_cell, entity):
    return (ship_cell[0] - entity[2]) ** 2 + (ship_cell[1] - entity[3]) ** 2


ships = st.builds(
    Ship,
    x=st.integers(0, 99),
    y=st.integers(0, 99),
    energy=st.integers(1, 65535) | st.integers(1, 200),
    shield=st.integers(1, 100),
    blasters=st.integers(0, 255),
    thrusters=st.integers(0, 255),
    harvesters=st.integers(0, 255),
    last_plan=st.integers(0, 2**64 - 1),
)


@st.composite
def ships_and_views(draw):
    """A ship, and a list as the universe would write it: ships first, all closer than 16 cells."""
    ship = draw(ships)
    offsets = st.integers(-15, 15)
    entities = draw(
        st.lists(st.tuples(st.sampled_from((SHIP, NODE)), st.integers(0, 255), offsets, offsets), max_size=24)
    )
    view = [
        (kind, danger if kind == SHIP else 0, ship.x + east, ship.y + south)
        for kind, danger, east, south in entities
        if east**2 + south**2 < 256 and 0 <= ship.x + east <= 99 and 0 <= ship.y + south <= 99
    ]
    return ship, sorted(view, key=lambda entity: entity[0])
