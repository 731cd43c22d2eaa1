"""What somebody does who changes the file of a universe past all checks; the bytes of a system written a second time, apart."""

import struct
from collections.abc import Iterable
from typing import Any

import duckdb

SHIP_COLUMNS = (
    ("last_plan", "Q"), ("eid", ""), ("strategy_id", "H"), ("energy", "H"), ("x", "B"), ("y", "B"), ("shield", "B"),
    ("blasters", "B"), ("thrusters", "B"), ("harvesters", "B"),
)  # fmt: skip
NODE_COLUMNS = (("eid", ""), ("energy", "H"), ("x", "B"), ("y", "B"))


def blob(columns: Iterable[tuple[str, str]], rows: list[dict[str, Any]]) -> bytes:
    """Ships or nodes of one system as docs/architecture.md and `universe.row_format` have them."""
    rows = sorted(rows, key=lambda row: row["eid"])
    base = rows[0]["eid"] if rows else 0
    wide = bool(rows) and rows[-1]["eid"] - base >= 2**32
    parts = [struct.pack("<BBHIq", 1, 8 if wide else 4, 0, len(rows), base)]
    for name, code in columns:
        values = [row[name] - base if name == "eid" else row[name] for row in rows]
        parts.append(struct.pack(f"<{len(rows)}{code or ('Q' if wide else 'I')}", *values))
    packed = b"".join(parts)
    return packed + bytes(-len(packed) % 8)


def change_by_hand(connection: duckdb.DuckDBPyConnection, *statements: str) -> None:
    """Run statements in which ``ships`` and ``nodes`` are tables that may be changed; then every system is packed again."""
    connection.execute("CREATE TEMP TABLE ships AS SELECT * FROM ship")
    connection.execute("CREATE TEMP TABLE nodes AS SELECT * FROM node")
    for statement in statements:
        connection.execute(statement)
    columns: Any = connection.sql("SELECT DISTINCT sid FROM system_state ORDER BY 1").fetchall()
    by_sid: dict[int, dict[str, list[dict[str, Any]]]] = {
        sid: {"ships": [], "nodes": []} for (sid,) in columns
    }
    for table in ("ships", "nodes"):
        for row in connection.sql(f"SELECT * FROM {table}").to_arrow_table().to_pylist():
            by_sid.setdefault(row["sid"], {"ships": [], "nodes": []})[table].append(row)
    connection.execute("DELETE FROM system_state")
    connection.executemany(
        "INSERT INTO system_state VALUES (?, ?, ?)",
        [
            (sid, blob(SHIP_COLUMNS, of["ships"]), blob(NODE_COLUMNS, of["nodes"]))
            for sid, of in sorted(by_sid.items())
        ],
    )
    connection.execute("DROP TABLE ships")
    connection.execute("DROP TABLE nodes")
