/// What a strategy in D needs: the ship, what it sees, and the plans that it may return.
///
/// `mixin strategy!fly;` makes `Plan fly(ref const Ship me, View seen)` the strategy of the module. Nothing here allocates:
/// one instance decides for thousands of ships in a row.
module wasmverse;

enum gridSize = 100; /// cells along each side of a solar system
enum moveCellsMax = 15; /// more thrusters than this move no ship further
enum upgradeCost = 50; /// energy
enum shieldFull = 100;

enum Kind : ubyte { ship = 1, node = 2 }
enum Direction : ubyte { north, east, south, west } /// north is y-, east is x+
enum Part : ubyte { blasters, thrusters, harvesters }

/// A quarter turn clockwise.
Direction right(Direction d) { return cast(Direction)((d + 1) & 3); }

/// A quarter turn the other way.
Direction left(Direction d) { return cast(Direction)((d + 3) & 3); }

/// One of the others, closer than 16 cells: the four bytes that the host wrote.
struct Entity
{
    Kind kind;
    ubyte danger; /// the blasters of a ship, 0 for a node
    ubyte x, y;
}

/// All that a ship sees, each kind with the oldest first.
struct View
{
    const(Entity)[] ships, nodes;

    bool hasShipAt(int x, int y) const
    {
        foreach (ref ship; ships)
            if (ship.x == x && ship.y == y) return true;
        return false;
    }
}

/// The ship that decides.
struct Ship
{
    int x, y;
    int energy, shield;
    int blasters, thrusters, harvesters;
    ulong lastPlan;

    /// What the last plan stored, as a struct of at most seven bytes; a new ship finds zeros.
    T recall(T)() const if (T.sizeof <= 7)
    {
        T kept = void;
        (cast(ubyte*)&kept)[0 .. T.sizeof] = (cast(const(ubyte)*)&lastPlan)[1 .. 1 + T.sizeof];
        return kept;
    }

    /// Moves go along the axes, so this, not the straight line, says how far away an entity is.
    int distance(ref const Entity other) const { return abs(other.x - x) + abs(other.y - y); }

    /// How many cells lie between the ship and the edge of the grid.
    int cellsAhead(Direction direction) const
    {
        final switch (direction) with (Direction)
        {
            case north: return y;
            case east: return gridSize - 1 - x;
            case south: return gridSize - 1 - y;
            case west: return x;
        }
    }

    /// The nearest node without a ship in its cell; null when there is none.
    const(Entity)* nearestFreeNode(View seen) const
    {
        const(Entity)* found;
        int least = int.max;
        foreach (ref node; seen.nodes)
        {
            const far = distance(node);
            if (far >= least || seen.hasShipAt(node.x, node.y)) continue;
            found = &node;
            least = far;
        }
        return found;
    }

    /// The nearest of some entities, the first among equals; null when there is none.
    const(Entity)* nearest(const(Entity)[] entities) const
    {
        const(Entity)* found;
        int least = int.max;
        foreach (ref other; entities)
        {
            const far = distance(other);
            if (far >= least) continue;
            found = &other;
            least = far;
        }
        return found;
    }
}

/// Byte 0 is the command, bytes 1 to 7 are the ship's memory and come back next turn.
struct Plan
{
    ulong bytes;

    /// Stay in this cell: whoever is alone there harvests its nodes and mends its shield.
    static Plan hold() { return Plan(0); }

    /// Move in a straight line; at most as many cells as the ship has thrusters, and not over the edge.
    static Plan move(Direction direction, int cells)
    {
        return Plan(0x40 | direction << 4 | min(cells, moveCellsMax));
    }

    /// One move toward an entity, the longer way first, never past it; holds in its cell.
    static Plan toward(ref const Ship me, ref const Entity other)
    {
        const east = other.x - me.x, south = other.y - me.y;
        if (!east && !south) return hold;
        return abs(east) >= abs(south)
            ? move(east < 0 ? Direction.west : Direction.east, abs(east))
            : move(south < 0 ? Direction.north : Direction.south, abs(south));
    }

    /// Add one to a part.
    static Plan upgrade(Part part) { return Plan(0x80 | part); }

    /// The same command, and a struct of at most seven bytes to find again next turn.
    Plan remember(T)(T kept) const if (T.sizeof <= 7)
    {
        Plan plan = this;
        (cast(ubyte*)&plan)[1 .. 1 + T.sizeof] = (cast(ubyte*)&kept)[0 .. T.sizeof];
        return plan;
    }
}

int abs(int n) { return n < 0 ? -n : n; }
int min(int a, int b) { return a < b ? a : b; }

/// What the universe calls.
mixin template strategy(alias fly)
{
    import ldc.attributes : llvmAttr;

    extern (C) @llvmAttr("wasm-export-name", "decide")
    ulong decide(int kind, int x, int y, int energy, int shield, int blasters, int thrusters, int harvesters,
        ulong lastPlan, const(Entity)* system, size_t systemBytes)
    {
        const seen = system[0 .. systemBytes / Entity.sizeof];
        size_t ships;
        while (ships < seen.length && seen[ships].kind == Kind.ship) ships++;
        const me = Ship(x, y, energy, shield, blasters, thrusters, harvesters, lastPlan);
        return fly(me, View(seen[0 .. ships], seen[ships .. $])).bytes;
    }

    // The list is written to the same room each time: that of one ship is of no use to the next.
    extern (C) @llvmAttr("wasm-export-name", "cabi_realloc")
    void* cabi_realloc(void* old, size_t oldBytes, size_t alignment, size_t bytes)
    {
        __gshared ubyte[1 << 16] room; // 16,384 entities
        if (bytes > room.length) assert(0);
        return room.ptr;
    }
}
