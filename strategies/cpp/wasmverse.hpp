// What a strategy in C++ needs: the ship, what it sees, and the plans that it may return.
//
// Include this in one file and define `wasmverse::fly`. The exports that the universe calls are at the end. Nothing
// here allocates: one instance decides for thousands of ships in a row.

#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

namespace wasmverse {

inline constexpr int grid_size = 100;     // cells along each side of a solar system
inline constexpr int move_cells_max = 15; // more thrusters than this move no ship further
inline constexpr int upgrade_cost = 50;   // energy
inline constexpr int shield_full = 100;

enum class kind : std::uint8_t { ship = 1, node = 2 };
enum class direction : std::uint8_t { north, east, south, west }; // north is y-, east is x+
enum class part : std::uint8_t { blasters, thrusters, harvesters };

constexpr direction right_of(direction d) { return direction((int(d) + 1) & 3); }
constexpr direction left_of(direction d) { return direction((int(d) + 3) & 3); }

// A difference between two cells; north and west are negative.
struct offset {
    int east, south;

    // Moves go along the axes, so this, not the straight line, is how far it is.
    int distance() const { return std::abs(east) + std::abs(south); }

    direction longer_way() const {
        if (std::abs(east) >= std::abs(south)) return east < 0 ? direction::west : direction::east;
        return south < 0 ? direction::north : direction::south;
    }
};

struct cell {
    int x, y;

    bool operator==(const cell &) const = default;
    cell operator+(offset by) const { return {x + by.east, y + by.south}; }
    offset operator-(cell from) const { return {x - from.x, y - from.y}; }
};

// One of the others, closer than 16 cells: the four bytes that the host wrote.
struct entity {
    enum kind kind;
    std::uint8_t danger; // the blasters of a ship, 0 for a node
    std::uint8_t x, y;

    wasmverse::cell cell() const { return {x, y}; }
};

// All that a ship sees, each kind with the oldest first.
struct view {
    std::span<const entity> ships, nodes;
};

// What a ship keeps from turn to turn: any plain struct of at most seven bytes. A new ship finds zeros.
template <class T>
concept memory = sizeof(T) <= 7 && std::is_trivially_copyable_v<T>;

// Byte 0 is the command, bytes 1 to 7 are the ship's memory and come back next turn.
class plan {
  public:
    // Stay in this cell: whoever is alone there harvests its nodes and mends its shield.
    static plan hold() { return plan{0}; }

    // Move in a straight line; at most as many cells as the ship has thrusters, and not over the edge.
    static plan move(direction d, int cells) {
        return plan{0x40u | unsigned(d) << 4 | unsigned(std::min(cells, move_cells_max))};
    }

    // One move that way, the longer side first, never past it; holds when there is no way to go.
    static plan move(offset way) {
        if (way.distance() == 0) return hold();
        return move(way.longer_way(), std::max(std::abs(way.east), std::abs(way.south)));
    }

    // Add one to a part.
    static plan upgrade(part p) { return plan{0x80u | unsigned(p)}; }

    plan remember(const memory auto &kept) const {
        plan with = *this;
        std::memcpy(reinterpret_cast<char *>(&with.bytes_) + 1, &kept, sizeof kept);
        return with;
    }

    std::uint64_t bytes() const { return bytes_; }

  private:
    explicit plan(std::uint64_t bytes) : bytes_(bytes) {}
    std::uint64_t bytes_;
};

// The ship that decides.
struct ship {
    wasmverse::cell cell;
    int energy, shield;
    int blasters, thrusters, harvesters;
    std::uint64_t last_plan;

    template <memory T> T recall() const {
        T kept;
        std::memcpy(&kept, reinterpret_cast<const char *>(&last_plan) + 1, sizeof kept);
        return kept;
    }

    // How many cells lie between the ship and the edge of the grid.
    int cells_ahead(direction d) const {
        switch (d) {
        case direction::north: return cell.y;
        case direction::east: return grid_size - 1 - cell.x;
        case direction::south: return grid_size - 1 - cell.y;
        default: return cell.x;
        }
    }
};

// The first of some entities with the lowest key, which is a function of an entity; null when there is none.
const entity *lowest(std::span<const entity> entities, auto key) {
    if (entities.empty()) return nullptr;
    const entity *found = &entities.front();
    auto least = key(*found);
    for (const entity &other : entities.subspan(1))
        if (auto here = key(other); here < least) found = &other, least = here;
    return found;
}

// This one is yours.
plan fly(const ship &me, view seen);

} // namespace wasmverse

// ---- What the universe calls

#define WASMVERSE_EXPORT(name) extern "C" __attribute__((export_name(name)))

// Where may the list be written? In the same room each time: the list of one ship is of no use to the next.
WASMVERSE_EXPORT("cabi_realloc") void *cabi_realloc(void *, std::size_t, std::size_t, std::size_t bytes) {
    static std::uint8_t room[1 << 16]; // 16,384 entities
    if (bytes > sizeof room) __builtin_trap();
    return room;
}

WASMVERSE_EXPORT("decide")
std::uint64_t decide(int /* kind */, int x, int y, int energy, int shield, int blasters, int thrusters, int harvesters,
                     std::uint64_t last_plan, const wasmverse::entity *system, std::size_t system_bytes) {
    using namespace wasmverse;
    const std::span seen(system, system_bytes / sizeof(entity));
    const auto is_node = [](const entity &other) { return other.kind == kind::node; };
    const auto ships = std::size_t(std::find_if(seen.begin(), seen.end(), is_node) - seen.begin());
    const ship me{{x, y}, energy, shield, blasters, thrusters, harvesters, last_plan};
    return fly(me, {seen.first(ships), seen.subspan(ships)}).bytes();
}
