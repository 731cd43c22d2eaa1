"""The statements about functions: CREATE FUNCTION and AGGREGATE, DROP and SHOW, in SingleStore's grammar.

::

    CREATE [OR REPLACE] FUNCTION f [(name type, ...) RETURNS type | TABLE(name type, ...)]
        AS WASM [ABI BASIC|CANONICAL] [GROW TO bytes] FROM BASE64 '...' [WITH WIT FROM BASE64 '...'] [USING EXPORT 'name']
    CREATE [OR REPLACE] AGGREGATE f(type, ...) RETURNS type WITH STATE type|HANDLE AS WASM ... FROM BASE64 '...' [WITH WIT ...]
        INITIALIZE WITH f ITERATE WITH f [MERGE WITH f] TERMINATE WITH f
    DROP FUNCTION|AGGREGATE [IF EXISTS] f [(type, ...)]
    SHOW FUNCTIONS [LIKE 'pattern']
    SHOW CREATE FUNCTION|AGGREGATE f

Source: docs.singlestore.com, "Create Wasm UDFs", "Create Wasm TVFs", "CREATE AGGREGATE".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from wasmverse.errors import CommandError
from wasmverse.functions.definition import Abi
from wasmverse.functions.names import check_name
from wasmverse.functions.tokens import Tokens
from wasmverse.functions.type_names import sql_type, wit_name
from wasmverse.functions.type_reader import check_distinct, is_type, read_type
from wasmverse.functions.wanted import GROW_BYTES_MAX, PAGE_BYTES, WIT_BYTES_MAX, Wanted
from wasmverse.text import one_line
from wasmverse.wasm.types import Field, List, Record

BEGINNINGS = frozenset({"CREATE", "DROP", "SHOW"})
"""The first words of these statements."""

PARAMETERS_MAX = 64
"""Parameters of a function, and columns of a table that one returns."""

_MARK = "\x01"
_LONG = re.compile(r"""(['"])([A-Za-z0-9+/=\s]{256,}+)\1""")
"""What may be base64 and is long: cut out before the text is taken apart."""
_SHOW = re.compile(r"\s*+show\s++(?:functions|create\s++(?:function|aggregate))\b", re.IGNORECASE)
_FIRST = re.compile(r"(?:\s+|/\*.*?\*/|(?:--\s|#)[^\n]*(?:\n|$))*+(\w+)", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class Create:
    """``CREATE FUNCTION`` and ``CREATE AGGREGATE``."""

    wanted: Wanted
    module: bytes
    may_replace: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """``DROP FUNCTION`` and ``DROP AGGREGATE``; ``parameters`` are the names of types in SQL, None for all of that name."""

    name: str
    parameters: str | None
    may_be_missing: bool
    is_aggregate: bool = False


@dataclass(frozen=True, slots=True)
class ShowFunctions:
    """``SHOW FUNCTIONS``; a pattern with ``%`` and ``_``."""

    like: str | None


@dataclass(frozen=True, slots=True)
class ShowCreate:
    """``SHOW CREATE FUNCTION``."""

    name: str


Statement = Create | Drop | ShowFunctions | ShowCreate


def is_about_functions(sql: str) -> bool:
    """Whether a text that is to be carried out begins as these statements do."""
    found = _FIRST.match(sql)
    return found is not None and found[1].upper() in BEGINNINGS


def shows_functions(sql: str) -> bool:
    """Whether a text that asks is one of ours: others begin with SHOW too."""
    return _SHOW.match(sql) is not None


def parse_statement(sql: str, args: list[Any], databases: Collection[str]) -> Statement:
    """One statement, its ``?`` filled from ``args``; what is in a module or a WIT is not looked at.

    Parameters
    ----------
    databases : what may stand with a dot in front of a function's name, in lower case.

    Raises
    ------
    CommandError : 1064 or 1210; what was found and what must stand there.
    FunctionError : the name cannot be a function's.
    """
    if _MARK in sql:
        raise CommandError("You have an error in your SQL syntax: a control character cannot stand there")
    long: list[str] = []

    def cut(found: re.Match[str]) -> str:
        long.append(found[2])
        return f"'{_MARK}{len(long) - 1}'"

    tokens = Tokens(_LONG.sub(cut, sql))
    statement = _Reader(tokens, long, args, databases).statement()
    tokens.end()
    return statement


def parse_declaration(wanted: Wanted, params: str | None, returns: str | None, state: str | None) -> Wanted:
    """A function with what is declared of it added, each part as a statement has it: ``x DOUBLE, y DOUBLE``, ``TABLE(a INT)``.

    Raises
    ------
    CommandError : 1064, a part is not understood.
    """
    if params is not None:
        reader = _reader(f"({params})")
        fields = reader.unnamed() if wanted.kind == "aggregate" else reader.fields("the parameters")
        wanted = replace(wanted, params=fields, has_params=True)
        reader.tokens.end()
    if returns is not None:
        reader = _reader(returns)
        wanted = reader.returned(wanted)
        reader.tokens.end()
    if state is not None:
        reader = _reader(state)
        wanted = reader.state(wanted)
        reader.tokens.end()
    return wanted


def parse_types(types: str) -> str:
    """The names in SQL of the types between commas in a text; raises CommandError."""
    reader = _reader(f"({types})")
    names = reader.types()
    reader.tokens.end()
    return names


def _reader(text: str) -> _Reader:
    return _Reader(Tokens(text), [], [], ())


class _Reader:
    def __init__(self, tokens: Tokens, long: list[str], args: list[Any], databases: Collection[str]) -> None:
        self.tokens = tokens
        self._long = long
        self._args = args
        self._given = iter(args)
        self._places = 0
        self._databases = databases

    def statement(self) -> Statement:
        """The whole of it."""
        tokens = self.tokens
        statement: Statement
        if tokens.takes("CREATE"):
            may_replace = tokens.takes("OR", "REPLACE")
            if tokens.takes("FUNCTION"):
                statement = self._function(may_replace)
            elif tokens.takes("AGGREGATE"):
                statement = self._aggregate(may_replace)
            else:
                tokens.wrong("FUNCTION or AGGREGATE")
        elif tokens.takes("DROP"):
            is_aggregate = tokens.takes("AGGREGATE")
            if not is_aggregate:
                tokens.take("FUNCTION")
            may_be_missing = tokens.takes("IF", "EXISTS")
            name = self._name()
            parameters = self.types() if tokens.peek() == "(" else None
            statement = Drop(name, parameters, may_be_missing, is_aggregate)
        elif tokens.takes("SHOW", "CREATE"):
            if not tokens.takes("AGGREGATE"):
                tokens.take("FUNCTION")
            statement = ShowCreate(self._name())
        else:
            tokens.take("SHOW", "FUNCTIONS")
            statement = ShowFunctions(tokens.text("a pattern in quotes") if tokens.takes("LIKE") else None)
        if self._places != len(self._args):
            raise CommandError(
                f"The statement has {self._places} '?' and 'args' has {len(self._args)} values; give one for each '?'",
                code=1210,
            )
        return statement

    def _function(self, may_replace: bool) -> Create:
        tokens = self.tokens
        wanted = Wanted(check_name(self._name()))
        if tokens.peek() == "(":
            wanted = replace(wanted, params=self.fields("the parameters"), has_params=True)
        if tokens.takes("RETURNS"):
            wanted = self.returned(wanted)
        elif wanted.has_params:
            tokens.wrong("RETURNS")
        wanted, module = self._wasm(wanted)
        if wanted.wit is None and wanted.has_params != wanted.has_result:
            raise CommandError(
                "Declare both the parameters and what is returned, or neither; or send the WIT as well"
            )
        if tokens.takes("USING", "EXPORT"):
            wanted = replace(wanted, export=tokens.text("the name of an export in quotes"))
        return Create(wanted, module, may_replace)

    def _aggregate(self, may_replace: bool) -> Create:
        tokens = self.tokens
        wanted = Wanted(check_name(self._name()), "aggregate")
        if tokens.peek() == "(":
            wanted = replace(wanted, params=self.unnamed(), has_params=True)
        if tokens.takes("RETURNS"):
            wanted = replace(wanted, result=read_type(tokens), has_result=True)
        if tokens.takes("WITH", "STATE"):
            wanted = self.state(wanted)
        wanted, module = self._wasm(wanted)
        has_state = wanted.is_handle or wanted.state is not None
        if wanted.wit is None and not (wanted.has_params and wanted.has_result and has_state):
            raise CommandError(
                "Declare an aggregate's parameters, RETURNS and WITH STATE, or send the WIT of its functions"
            )
        initialize, iterate = self._step("INITIALIZE"), self._step("ITERATE")
        merge = self._step("MERGE") if tokens.peek() == "MERGE" else None
        steps = (initialize, iterate, merge, self._step("TERMINATE"))
        for word in ("SERIALIZE", "DESERIALIZE", "COPYMERGE", "CLONE", "DESTROY"):
            if tokens.peek() == word:  # a state never leaves its query here
                self._step(word)
        return Create(replace(wanted, steps=steps), module, may_replace)

    def _wasm(self, wanted: Wanted) -> tuple[Wanted, bytes]:
        """``AS WASM`` with all that says where the module and its WIT are."""
        tokens = self.tokens
        tokens.take("AS", "WASM")
        if tokens.takes("ABI"):
            abi: Abi | None = {"BASIC": "basic", "CANONICAL": "canonical"}.get(tokens.peek())  # type: ignore[assignment]
            if abi is None:
                tokens.wrong("BASIC or CANONICAL")
            tokens.take(abi.upper())
            wanted = replace(wanted, abi=abi)
        if tokens.takes("GROW", "TO"):
            size = tokens.number("a number of bytes")
            if not PAGE_BYTES <= size <= GROW_BYTES_MAX:
                raise CommandError(
                    f"GROW TO {size}: give the bytes that an instance's memory may have, {PAGE_BYTES:,} to {GROW_BYTES_MAX:,}"
                )
            wanted = replace(wanted, pages_max=-(-size // PAGE_BYTES))
        module = self._content()
        if tokens.takes("WITH", "WIT"):
            wit = self._content()
            try:
                if len(wit) > WIT_BYTES_MAX:
                    raise CommandError(
                        f"The WIT has {len(wit):,} bytes, the limit is {WIT_BYTES_MAX:,}: send the one world that is exported"
                    )
                wanted = replace(wanted, wit=wit.decode())
            except UnicodeDecodeError:
                raise CommandError("The WIT is no text in UTF-8: send the .wit file in base64") from None
        return wanted, module

    def _content(self) -> bytes:
        tokens = self.tokens
        tokens.take("FROM")
        word = tokens.peek()
        if word in {"LOCAL", "INFILE", "HTTP", "LINK", "S3", "AZURE", "GCS"}:
            raise CommandError(
                f"FROM {word} is denied: this server fetches nothing; send the bytes as FROM BASE64 '...', or use "
                "`wasmverse function push FILE`"
            )
        tokens.take("BASE64")
        if tokens.takes("?"):
            self._places += 1
            text = next(self._given, "")
            if not isinstance(text, str):
                raise CommandError(
                    "The value for BASE64 ? is no text; give the bytes in base64 as a string", code=1210
                )
        else:
            text = tokens.text("the bytes in base64, in quotes")
            if text.startswith(_MARK):
                text = self._long[int(text[1:])]
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise CommandError(
                f"'{one_line(text, 20)}' is not base64: send the bytes as `base64 -w0 FILE` prints them",
                code=1210,
            ) from None

    def _name(self) -> str:
        tokens = self.tokens
        name = tokens.name("the name of a function")
        if tokens.peek() == ".":
            if name.lower() not in self._databases:
                raise CommandError(f"Unknown database '{one_line(name, 64)}': leave it out", code=1049)
            tokens.take(".")
            name = tokens.name("the name of a function")
        # SQL does not regard the case of names.
        return name.lower() if name.isascii() else name

    def fields(self, what: str, at_least: int = 0) -> tuple[Field, ...]:
        """Names with types, in parentheses."""
        tokens = self.tokens
        tokens.take("(")
        fields: list[Field] = []
        while at_least or tokens.peek() != ")" or fields:
            name = tokens.name(f"the name of one of {what}")
            fields.append(Field(wit_name(name), read_type(tokens)))
            if not tokens.takes(","):
                break
        tokens.take(")")
        self._check_count(len(fields), what)
        check_distinct([field.name for field in fields], what)
        return tuple(fields)

    def unnamed(self) -> tuple[Field, ...]:
        """An aggregate's parameters: types, each with or without a name."""
        tokens = self.tokens
        tokens.take("(")
        fields: list[Field] = []
        for place in self._each():
            name = f"a{place}"
            if not is_type(tokens):
                name = wit_name(tokens.name("a type"))
            fields.append(Field(name, read_type(tokens)))
        self._check_count(len(fields), "the parameters")
        check_distinct([field.name for field in fields], "the parameters")
        return tuple(fields)

    def types(self) -> str:
        """Types in parentheses, by their names in SQL."""
        self.tokens.take("(")
        return ", ".join(sql_type(read_type(self.tokens)) for _ in self._each())

    def _each(self) -> Iterator[int]:
        """The places of what stands between commas, up to a closing parenthesis."""
        tokens = self.tokens
        place = 0
        while not tokens.takes(")"):
            if place:
                tokens.take(",")
            place += 1
            yield place

    def _check_count(self, count: int, what: str) -> None:
        if count > PARAMETERS_MAX:
            raise CommandError(f"{count} are too many for {what}; there may be {PARAMETERS_MAX}")

    def returned(self, wanted: Wanted) -> Wanted:
        """What stands after RETURNS."""
        tokens = self.tokens
        if wanted.kind == "aggregate" or not tokens.takes("TABLE"):
            return replace(wanted, result=read_type(tokens), has_result=True)
        wanted = replace(wanted, kind="table")
        if tokens.peek() != "(":
            return wanted
        columns = Record(self.fields("the columns", at_least=1))
        return replace(wanted, result=List(columns), has_result=True)

    def state(self, wanted: Wanted) -> Wanted:
        """What stands after WITH STATE."""
        if self.tokens.takes("HANDLE"):
            return replace(wanted, is_handle=True)
        return replace(wanted, state=read_type(self.tokens))

    def _step(self, word: str) -> str:
        self.tokens.take(word, "WITH")
        return self.tokens.name(f"the name of an export that does {word}")
