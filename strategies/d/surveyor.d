/// A surveyor.
///
/// It searches a system the way one searches a field: in a square spiral around where it woke up, with the turns of the
/// spiral so far apart that it sees every cell once. What it sees on the way it harvests, then it goes on with the
/// spiral. When that is as large as the system, it begins a new one, the other way round.
module surveyor;

import wasmverse;

mixin strategy!fly;

enum spacing = 22; /// between two turns of the spiral: a ship sees 15 cells to each side, less in the corners of its view
enum edgeCells = 11; /// half of it: what is left between the spiral and the edge is in view
enum reserve = 100; /// what an upgrade must leave in store

/// Where on its spiral the ship is.
struct Spiral
{
    ubyte side; /// cells of the side that it flies along; 0 before the first
    ubyte left; /// how many of these are left
    Direction heading;
    bool isSecond; /// a square spiral has two sides of each length
    bool isCounterclockwise;

    /// False of a new ship's, and of what another strategy may have left.
    bool isValid() const { return side && heading <= Direction.max; }

    /// Goes on with the next side; after the last, with a new spiral, the other way round.
    void turn()
    {
        heading = isCounterclockwise ? heading.left : heading.right;
        if (isSecond) side += spacing;
        isSecond = !isSecond;
        if (side >= gridSize) this = Spiral(spacing, spacing, heading, false, !isCounterclockwise);
        left = side;
    }
}

Plan fly(ref const Ship me, View seen)
{
    auto spiral = me.recall!Spiral;
    if (!spiral.isValid) spiral = Spiral(spacing, spacing, cast(Direction)((me.x + me.y) & 3));

    if (seen.hasShipAt(me.x, me.y))
        return follow(spiral, me); // nothing to harvest here, and shield to lose
    if (me.energy >= upgradeCost + reserve && me.harvesters < 100)
        return Plan.upgrade(me.nextPart).remember(spiral);
    if (auto node = me.nearestFreeNode(seen))
        return Plan.toward(me, *node).remember(spiral);
    return follow(spiral, me);
}

/// The next move along the spiral. A side ends early at the edge of the grid, so the spiral is cut to fit.
Plan follow(ref Spiral spiral, ref const Ship me)
{
    // In a corner, two sides in a row have no way to go.
    foreach (_; 0 .. 3)
        if (!spiral.left || me.cellsAhead(spiral.heading) <= edgeCells) spiral.turn;
    const cells = min(min(me.thrusters, moveCellsMax), spiral.left);
    spiral.left -= cells;
    return Plan.move(spiral.heading, cells).remember(spiral);
}

/// Thrusters make the survey quick, harvesters make it pay.
Part nextPart(ref const Ship me)
{
    return me.thrusters < moveCellsMax && me.thrusters <= me.harvesters ? Part.thrusters : Part.harvesters;
}
