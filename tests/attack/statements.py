"""Hostile statements: SELECTs by grammar, and texts by mutation of what people write.

Everything is drawn from the ``random.Random`` that is given, so a seed and the number of a case say what it was.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from random import Random
from typing import Any

from tests.query.test_hostile import BOMBS, THEFTS
from tests.reader.test_statement import READS, REFUSED

ROOT = Path(__file__).parents[2]
VOCABULARY: dict[str, Any] = tomllib.loads(Path(__file__).with_name("vocabulary.toml").read_text())
_LINES = {name: text.splitlines() for name, text in VOCABULARY["lines"].items()}
TYPES, LITERALS, OPERATORS, SHAPES = (_LINES[name] for name in ("types", "literals", "operators", "shapes"))
MYSQL, SINGLESTORE = _LINES["mysql"], _LINES["singlestore"]
SCALARS, AGGREGATES, WINDOWS = (
    VOCABULARY["words"][name].split() for name in ("scalars", "aggregates", "windows")
)
TABLES: dict[str, str] = VOCABULARY["tables"]
TEMPLATES, LEAVES = (
    {kind: text.splitlines() for kind, text in VOCABULARY[name].items()} for name in ("templates", "leaves")
)
SETS, JOINS, GROUPS, ITEMS, FRAMES = (_LINES[name] for name in ("sets", "joins", "groups", "items", "frames"))
EXPLAINS = ["explain", "explain analyze", "explain (analyze, format json)", "explain format = tree"]
ALIASES = ["a", "a", "rows", '"ü"""', '"\n"']
COLUMNS = {kind: text.split() for kind, text in VOCABULARY["columns"].items()}
_PLACE = re.compile(r"\{(\w+)\}")


class Grammar:
    """Writes SELECTs that are mostly valid in form and often wrong in sense."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._scope: list[str] = []

    def statement(self) -> str:
        """One statement."""
        self._scope = []
        if self._random.random() < 0.6:
            return self._filled(self._some(SHAPES), self._random.choice([1, 2, 2, 3, 4]))
        pick = self._random.random()
        if pick < 0.06:
            start, step = self.expression(1), self.expression(1)
            steps = f"select {start} n, 0 i union all select {step}, i + 1 from t where i < 9"
            return f"with recursive t as ({steps}) select * from t"
        if pick < 0.12:
            kind = self._some(["", "materialized ", "not materialized "])
            parts = f"c as {kind}({self.select(1)}), d as (select * from c)"
            return f"with {parts} {self.select(1)} union all select * from d"
        if pick < 0.17:
            table, columns = self._table()
            group = self._maybe(f" group by {self._some(columns)}")
            return f"from (from {table}) pivot ({self.aggregate(1)} for {self._some(columns)} in (1, 2, 'a'){group})"
        if pick < 0.20:
            table, columns = self._table()
            return f"unpivot (from {table}) on {self._some([*columns, 'columns(*)'])} into name a value b"
        if pick < 0.23:
            return f"{self._some(['describe', 'summarize'])} {self.select(1)}"
        if pick < 0.30:
            return f"{self._some(EXPLAINS)} {self.select(1)}"
        if pick < 0.33:
            return f"from {self.source(1)} select {self.expression(2)}"
        if pick < 0.37:
            return f"values ({self.expression(2)}, {self.expression(1)}), ({self.expression(1)}, {self.expression(1)})"
        return self.select(2)

    def select(self, depth: int) -> str:
        """A SELECT, or several put together."""
        outer = self._scope
        self._scope = list(outer)
        source = self.source(depth)
        items = ", ".join(self.item(depth) for _ in range(self._random.randint(1, 4)))
        text = f"select {self._maybe('distinct ')}{items} from {source}"
        text += self._maybe(f" where {self.expression(depth)}", 0.4)
        text += self._maybe(f" group by {self._some([*GROUPS, self.expression(1)])}", 0.25)
        text += self._maybe(f" having {self.aggregate(1)} is not null", 0.1)
        text += self._maybe(f" qualify {self.window(1)} = 1", 0.1)
        text += self._maybe(
            f" order by {self._some(['1', 'all', '1 desc nulls last', self.expression(1)])}", 0.3
        )
        text += self._maybe(f" limit {self._some(['3', '0', '10%', 'null', self.expression(0)])}", 0.3)
        text += self._maybe(f" offset {self._some(['1', self.expression(0)])}", 0.1)
        text += self._maybe(" using sample 50%", 0.05)
        if depth and self._random.random() < 0.15:
            kind = self._some(SETS)
            text = f"({text}) {kind} ({self.select(depth - 1)})"
        self._scope = outer
        return text

    def source(self, depth: int) -> str:
        """What stands after FROM; its columns come into scope."""
        name = f"t{self._random.randrange(9)}"
        table, columns = self._table()
        if depth and self._random.random() < 0.25:
            text = f"{self._maybe('lateral ')}({self.select(depth - 1)}) {name}"
            self._scope += [f"{name}.*", "columns(*)"]
        else:
            text = table if " " in table else f"{table} {name}"
            self._scope += [*columns, *(() if " " in table else (f"{name}.{column}" for column in columns))]
        if depth and self._random.random() < 0.35:
            kind = self._some(JOINS)
            text += f" {kind} {self.source(depth - 1)}"
            if not kind.startswith(("cross", "positional", "natural")):
                text += self._some([f" on {self.expression(1)}", " using (sid)", " on true"])
        return text

    def item(self, depth: int) -> str:
        """One column of a result."""
        pick = self._random.random()
        if pick < 0.1:
            return self._some(ITEMS)
        if pick < 0.25:
            return self.aggregate(depth)
        if pick < 0.35:
            return self.window(depth)
        return self.expression(depth) + self._maybe(f" as {self._some(ALIASES)}", 0.2)

    def aggregate(self, depth: int) -> str:
        """An aggregate, with what may stand in and after it."""
        arguments = ", ".join(
            self.expression(max(depth - 1, 0)) for _ in range(self._random.choice([1, 1, 1, 2, 3]))
        )
        order = self._maybe(f" order by {self.expression(0)}", 0.15)
        text = f"{self._some(AGGREGATES)}({self._maybe('distinct ', 0.15)}{arguments}{order})"
        return text + self._maybe(f" filter (where {self.expression(0)})", 0.1)

    def window(self, depth: int) -> str:
        """A window function."""
        name = self._some(WINDOWS + AGGREGATES[:12])
        arguments = "" if name in WINDOWS[:5] else self.expression(max(depth - 1, 0))
        frame = self._some([*FRAMES, f" rows between {self.expression(0)} preceding and current row"])
        return f"{name}({arguments}) over (partition by {self.expression(0)} order by {self.expression(0)}{frame})"

    def expression(self, depth: int) -> str:
        """A scalar expression."""
        pick = self._random.random()
        if depth <= 0 or pick < 0.2:
            return (
                self._some(self._scope)
                if self._scope and self._random.random() < 0.6
                else self._some(LITERALS)
            )
        inner = depth - 1
        if pick < 0.35:
            return f"{self.expression(inner)} {self._some(OPERATORS)} {self.expression(inner)}"
        if pick < 0.55:
            count = self._random.choice([0, 1, 1, 2, 2, 3])
            return f"{self._some(SCALARS)}({', '.join(self.expression(inner) for _ in range(count))})"
        if pick < 0.67:
            return (
                f"{self._some(['cast', 'cast', 'try_cast'])}({self.expression(inner)} as {self._some(TYPES)})"
            )
        if pick < 0.73:
            return f"case when {self.expression(inner)} then {self.expression(inner)} else {self.expression(inner)} end"
        if pick < 0.78:
            return f"({self.select(inner)})"
        if pick < 0.81:
            among = self._some([self.select(0), "1, null"])
            return f"{self.expression(inner)} {self._some(['in', 'not in', '= any', '> all'])} ({among})"
        if pick < 0.84:
            return f"exists({self.select(inner)})"
        if pick < 0.88:
            return f"[{self.expression(inner)} for q in {self.expression(inner)}{self._maybe(' if q is not null')}]"
        if pick < 0.91:
            name = self._some(["list_transform", "list_filter", "list_reduce", "apply"])
            body = self._some(["lambda q: q", "(p, q) -> p + q", "q -> q", "lambda p, q: [p, q]"])
            return f"{name}({self.expression(inner)}, {body})"
        if pick < 0.94:
            return f"({self.expression(inner)})[{self.expression(0)}{self._maybe(':' + self.expression(0))}]"
        if pick < 0.96:
            return f"({self.expression(inner)}) between {self.expression(0)} and {self.expression(0)}"
        if pick < 0.98:
            return f"unnest({self.expression(inner)})"
        return f"{self._some(['not', '-', '~', '+', '@'])} ({self.expression(inner)})"

    def _filled(self, template: str, depth: int) -> str:
        """A template with each place filled by what gives a value of its kind."""
        text = _PLACE.sub(lambda place: self._value(place[1], depth), template)
        return text.replace("{{", "{").replace("}}", "}") if depth <= 0 or template in SHAPES else text

    def _value(self, kind: str, depth: int) -> str:
        if kind == "literal":
            return self._some(LITERALS)
        if kind == "type":
            return self._some(TYPES)
        if kind in TEMPLATES and (depth > 0 or kind == "any") and self._random.random() < 0.75:
            if kind == "any" and depth <= 0:
                return self._value(self._some(["num", "text", "bool", "date", "list", "json"]), 0)
            return self._filled(self._some(TEMPLATES[kind]), depth - 1)
        if kind in COLUMNS and self._random.random() < 0.5:
            return self._some(COLUMNS[kind])
        return self._some(LEAVES.get(kind, LITERALS))

    def _table(self) -> tuple[str, list[str]]:
        name = self._some(list(TABLES))
        return name, TABLES[name].split()

    def _some(self, choices: list[str]) -> str:
        return self._random.choice(choices)

    def _maybe(self, text: str, chance: float = 0.3) -> str:
        return text if self._random.random() < chance else ""


def corpus() -> list[str]:
    """What people write: the statements of the documents, the page and the tests, and of MySQL's dialect."""
    texts = [str(case[0]) for case in (*BOMBS, *THEFTS, *REFUSED) if len(str(case[0])) < 2_000]
    texts += READS
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in re.findall(r"```sql\n(.*?)```", path.read_text(), re.DOTALL):
            texts += [part.strip() for part in block.split(";") if part.strip()]
        texts += re.findall(r'"sql":\s*"((?:[^"\\]|\\.)*)"', path.read_text())
    for path in sorted((ROOT / "web/src/sql").glob("*.ts")):
        texts += [text for text in re.findall(r"`([^`]*)`", path.read_text()) if "select" in text.lower()]
    return [*texts, *MYSQL, *SINGLESTORE]


_TOKEN = re.compile(r"\s+|\w+|'[^']*'|\"[^\"]*\"|`[^`]*`|.", re.DOTALL)
ODD = ["\0", "\u202e", "\ufeff", "\u00a0", "\U0001f4a3", "\x1b[31m", *_LINES["odd"]]
NESTED = _LINES["nested"]
"""What opens and what closes a level, around a tilde."""


def mutated(random: Random, texts: list[str]) -> str:
    """One of the texts with a few changes."""
    tokens = _TOKEN.findall(random.choice(texts))
    for _ in range(random.choice([1, 1, 2, 3, 6])):
        place = random.randrange(len(tokens)) if tokens else 0
        way = random.randrange(9)
        if way == 0:
            del tokens[place : place + random.choice([1, 1, 2, 5])]
        elif way == 1:
            tokens[place:place] = tokens[place : place + random.choice([1, 2, 8])] * random.choice([1, 2, 9])
        elif way == 2 and len(tokens) > 1:
            other = random.randrange(len(tokens))
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif way == 3:
            donor = _TOKEN.findall(random.choice(texts))
            start = random.randrange(len(donor) + 1)
            tokens[place:place] = donor[start : start + random.choice([1, 3, 10])]
        elif way == 4:
            tokens = tokens[:place]
        elif way == 5:
            tokens.insert(place, random.choice(ODD))
        elif way == 6 and random.random() < 0.3:
            opening, _, closing = random.choice(NESTED).partition("~")
            depth = random.choice([3, 16, 40, 150, 400])
            tokens[place : place + 1] = [opening * depth, "".join(tokens[place : place + 1]), closing * depth]
        elif way == 7:
            tokens.insert(place, random.choice(LITERALS))
        elif place < len(tokens):
            tokens[place] = random.choice(["null", "*", "''", "1", tokens[place].upper(), tokens[place][:1]])
    return "".join(tokens)
