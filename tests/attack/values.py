"""Values of every type of the engine, written as SQL: usual ones, extremes, empty ones, huge ones, nested ones."""

from __future__ import annotations

import random

_I64 = (-(2**63), 2**63 - 1)

INTEGERS = {
    "TINYINT": (-128, 127),
    "SMALLINT": (-32768, 32767),
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": _I64,
    "HUGEINT": (-(2**127), 2**127 - 1),
    "UTINYINT": (0, 255),
    "USMALLINT": (0, 65535),
    "UINTEGER": (0, 2**32 - 1),
    "UBIGINT": (0, 2**64 - 1),
    "UHUGEINT": (0, 2**128 - 1),
}
COUNTS = (0, 1, -1, 2, 3, 7, 10, 63, 64, 65, 100, 1000, 2048, 65535)
"""What often is a length, a place or a number of things."""

TEXTS = {
    "VARCHAR": (
        "", " ", "a", "abc", "NaN", "-1", "0", "1e308", "%", "a%_\\", "(", "[", "(a*)*b", "a{1000}", "(?i)", "$.a[*]", "/a/-1",
        "Grüße 🦆 e\u0301", "\u202e\ufffd", "x" * 300, "🦆" * 70, "1970-01-01", "290309-12-22 (BC)", "infinity", "UTC",
        "Europe/Berlin", "year", "epoch", "%Y-%m-%d %H:%M:%S.%f %z", "%5000d", "{}", "{:>70000}", "{0}{1}", "null", "[1, 2]",
        '{"a": {"b": [1, null, "x"]}}', '{"a":1,"a":2}', '["BIGINT"]', '{"a":"VARCHAR"}', "[" * 200, "4f5f", "0b101", "gil",
        "sum", "list", "quantile", "count", "key_1", "a.b.c", "/tmp/a.b", "00000000-0000-0000-0000-000000000000", "1 year 2 days",
        "POINT (1 2)", "POLYGON ((0 0, 1 1, 1 0, 0 0))", "1 KiB", "QUJD", "%41%zz", "INTEGER", "ascii", "utf-8", "\t\n\r",
    ),
    "BLOB": ("", "\\x00", "\\xFF\\xFE", "abc", "\\x01\\x01\\x00\\x00\\x00", "\\x80" * 20, "x" * 300),
    "BIT": ("0", "1", "10101", "0" * 64, "1" * 65, "01" * 200),
    "DATE": (
        "1970-01-01", "2030-01-02", "-infinity", "infinity", "5877642-06-25 (BC)", "5881580-07-10", "0001-01-01", "2024-02-29",
    ),
    "TIME": ("00:00:00", "24:00:00", "23:59:59.999999", "12:34:56"),
    "TIME_NS": ("00:00:00", "24:00:00", "23:59:59.999999999"),
    "TIME WITH TIME ZONE": ("00:00:00+00", "24:00:00+1559", "00:00:00-1559", "12:00:00+15:59:59"),
    "TIMESTAMP": (
        "1970-01-01 00:00:00", "2030-01-02 03:04:05.000006", "-infinity", "infinity", "290309-12-22 (BC) 00:00:00",
        "294247-01-10 04:00:54.775806", "0044-03-15 (BC) 10:00:00", "2024-02-29 23:59:60",
    ),
    "TIMESTAMP_MS": ("1970-01-01", "-infinity", "290309-12-22 (BC) 00:00:00", "294247-01-10 04:00:54.775"),
    "TIMESTAMP_NS": ("1970-01-01", "infinity", "1677-09-22 00:00:00", "2262-04-11 23:47:16.854775806"),
    "TIMESTAMP WITH TIME ZONE": (
        "1970-01-01 00:00:00+00", "infinity", "-infinity", "290309-12-22 (BC) 00:00:00+00", "294247-01-10 04:00:54.775806+00",
        "2030-03-31 02:30:00 Europe/Berlin",
    ),
    "TIMESTAMPTZ_NS": ("1970-01-01", "2262-04-11 23:47:16.854775806+00", "1677-09-22 00:00:00+00", "infinity"),
    "INTERVAL": (
        "0 days", "1 year 2 months 3 days 04:05:06.789", "-1 days", "178000000 years", "-178956970 years", "2147483647 days",
        "-2147483648 days", "2147483647 months", "9223372036854775807 microseconds", "-9223372036854775807 microseconds",
        "2562047788 hours", "1 month -30 days",
    ),
    "UUID": ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "GEOMETRY": (
        "POINT (1 2)", "POINT EMPTY", "POLYGON ((0 0, 1 1, 1 0, 0 0))", "GEOMETRYCOLLECTION (POINT Z (1 2 3), LINESTRING EMPTY)",
        "MULTIPOINT (1 nan, inf 2)",
    ),
    "JSON": (
        "null", "0", "-0.0", "1e400", '""', "[]", "{}", '[1, [2, {"a": null}], "x"]', '{"a": {"b": [1, null, "x"]}, "": 1}',
        '{"a":1,"a":2}', "18446744073709551616", '"\\u0000"', "[" * 100 + "]" * 100,
    ),
}  # fmt: skip
FLOATS = (
    "0",
    "-0.0",
    "1",
    "-1.5",
    "0.1",
    "nan",
    "inf",
    "-inf",
    "3.4e38",
    "1e-45",
    "1e308",
    "-1.7976931348623157e308",
    "5e-324",
)
DECIMALS = (
    "DECIMAL(1,0)",
    "DECIMAL(4,1)",
    "DECIMAL(9,9)",
    "DECIMAL(18,3)",
    "DECIMAL(38,0)",
    "DECIMAL(38,38)",
    "DECIMAL(38,10)",
)
SIMPLE = (*INTEGERS, *TEXTS, "BOOLEAN", "FLOAT", "DOUBLE", *DECIMALS, "ENUM('a', 'b', '')")
NESTED = (
    "INTEGER[]", "VARCHAR[]", "DOUBLE[]", "FLOAT[]", "BIGINT[]", "INTERVAL[]", "JSON[]", "INTEGER[][]", "VARCHAR[][]",
    "BOOLEAN[]", "DATE[]", "TIMESTAMP WITH TIME ZONE[]", "TUPLE(INTEGER, VARCHAR)[]", "DECIMAL(18,3)[]",
    "STRUCT(a INTEGER, b VARCHAR)", "STRUCT(a STRUCT(b INTEGER[]))", "STRUCT(a INTEGER)[]", "TUPLE(INTEGER, VARCHAR)",
    "MAP(INTEGER, VARCHAR)", "MAP(VARCHAR, INTEGER[])", "MAP(STRUCT(a INTEGER), DOUBLE)", "MAP(VARCHAR, VARCHAR)",
    "UNION(a INTEGER, b VARCHAR)", "VARIANT", "VARIANT[]",
)  # fmt: skip
TYPES = (*SIMPLE, *NESTED)
LAMBDAS = (
    "lambda x: x", "lambda x: x IS NULL", "lambda x: [x]", "lambda x: NULL", "lambda x: x::VARCHAR", "lambda x: {'a': x}",
    "lambda x: x + 1", "lambda x: random()", "lambda x: n", "lambda x: list_transform([x], lambda y: [x, y])", "lambda x: true",
    "lambda x, i: i", "lambda x, i: i > 1", "lambda x, y: x", "lambda x, y: y", "lambda x, y: x = y", "lambda x, y: x || y",
    "lambda x, y, i: i", "lambda x, y, i: x", "lambda x: error('a')", "lambda x: try(x::INTEGER)", "lambda x: hash(x) % 2 = 0",
)  # fmt: skip


def quoted(text: str) -> str:
    """``text`` as a constant of SQL."""
    return "'" + text.replace("'", "''") + "'"


def split_type(kind: str) -> list[str]:
    """The parts between the outermost parentheses: ``MAP(K, V)`` -> ``['K', 'V']``."""
    parts, depth = [""], 0
    for character in kind[kind.index("(") + 1 : kind.rindex(")")]:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def value(kind: str, numbers: random.Random, depth: int = 0) -> str:
    """One value of a type, as an expression of constants."""
    if numbers.random() < (0.06 if depth == 0 else 0.15):
        return f"NULL::{kind}"
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        if numbers.random() < 0.6:
            number = numbers.choice([count for count in COUNTS if low <= count <= high])
        else:
            number = numbers.choice([low, high, low + 1, high - 1, numbers.randint(low, high)])
        return f"'{number}'::{kind}"
    if kind in TEXTS:
        return f"{quoted(numbers.choice(TEXTS[kind]))}::{kind}"
    if kind in {"FLOAT", "DOUBLE"}:
        return f"'{numbers.choice(FLOATS)}'::{kind}"
    if kind == "BOOLEAN":
        return numbers.choice(["true", "false"])
    if kind.startswith("DECIMAL"):
        width, scale = map(int, split_type(kind))
        digits = numbers.choice(["0", "1", "9" * (width - scale) or "0"])
        return (
            f"'{numbers.choice(['', '-'])}{digits}.{'9' * scale}'::{kind}"
            if width > scale
            else f"0.5::{kind}"
        )
    if kind.startswith("ENUM"):
        return f"'{numbers.choice(['a', 'b', ''])}'::{kind}"
    return _nested(kind, numbers, depth + 1)


def _nested(kind: str, numbers: random.Random, depth: int) -> str:
    if kind.endswith("]"):
        inner, _, size = kind[:-1].rpartition("[")
        count = (
            int(size) if size else numbers.choice([0, 0, 1, 2, 3, 5] if depth > 1 else [0, 1, 2, 3, 5, 40])
        )
        return f"[{', '.join(value(inner, numbers, depth) for _ in range(count))}]::{kind}"
    if kind.startswith("STRUCT"):
        fields = [part.split(" ", 1) for part in split_type(kind)]
        return "{" + ", ".join(f"'{name}': {value(inner, numbers, depth)}" for name, inner in fields) + "}"
    if kind.startswith("TUPLE"):
        return f"row({', '.join(value(inner, numbers, depth) for inner in split_type(kind))})"
    if kind.startswith("MAP"):
        key, inner = split_type(kind)
        count = numbers.choice([0, 1, 2])
        # Keys that are equal or NULL are an error, which is worth a try.
        entries = [(value(key, numbers, depth), value(inner, numbers, depth)) for _ in range(count)]
        return (
            "MAP {" + ", ".join(f"{one}: {other}" for one, other in entries) + "}"
            if entries
            else f"NULL::{kind}"
        )
    if kind.startswith("UNION"):
        name, inner = numbers.choice([part.split(" ", 1) for part in split_type(kind)])
        return f"union_value({name} := {value(inner, numbers, depth)})::{kind}"
    assert kind == "VARIANT", kind
    return f"({value(numbers.choice(SIMPLE + NESTED[:-2]), numbers, depth)})::VARIANT"
