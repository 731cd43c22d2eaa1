"""What clients of MySQL and SingleStore send of their own accord: SHOW, variables, settings of a session.

A SHOW or a question for variables is answered by a SELECT over ``information_schema`` that has MySQL's columns. A session has
nothing to set here: every answer is UTF-8, in UTC, and of one turn; what asks for that is taken, anything else is refused.
"""

from __future__ import annotations

import re

from wasmverse.errors import QueryRefused
from wasmverse.query.public import DATABASES, OWN_DATABASES, SCHEMA
from wasmverse.text import one_line

TEXT_MAX = 2_000
"""Longest of these statements, in characters; what is longer is none of them."""

VARIABLES: dict[str, str | int] = {
    "autocommit": 1,
    "character_set_client": "utf8mb4",
    "character_set_connection": "utf8mb4",
    "character_set_results": "utf8mb4",
    "character_set_server": "utf8mb4",
    "collation_connection": "utf8mb4_bin",
    "collation_server": "utf8mb4_bin",
    "lower_case_table_names": 1,
    "max_allowed_packet": 1_000_000,
    "sql_mode": "ANSI_QUOTES",
    "system_time_zone": "UTC",
    "time_zone": "UTC",
    "transaction_isolation": "SERIALIZABLE",
    "tx_isolation": "SERIALIZABLE",
    "version": "5.7.32-wasmverse",
    "version_comment": "Wasmverse",
}
"""What is true of every session. ``version`` is that of MySQL whose statements clients may send, as SingleStore answers it: they
read its numbers before they do anything. ``version()`` within a query is the engine's."""

_TYPES = """CASE data_type WHEN 'UTINYINT' THEN 'tinyint unsigned' WHEN 'USMALLINT' THEN 'smallint unsigned'
    WHEN 'UINTEGER' THEN 'int unsigned' WHEN 'UBIGINT' THEN 'bigint unsigned' WHEN 'INTEGER' THEN 'int'
    WHEN 'BOOLEAN' THEN 'tinyint(1)' WHEN 'TIMESTAMP' THEN 'datetime(6)' WHEN 'VARCHAR' THEN 'text'
    ELSE lower(data_type) END"""

_COLUMNS = f"""SELECT column_name AS "Field", {_TYPES} AS "Type"{{collation}}, is_nullable AS "Null", '' AS "Key",
    NULL::VARCHAR AS "Default", '' AS "Extra"{{more}}
FROM information_schema.columns
WHERE table_name = '{{name}}' AND column_name LIKE '{{like}}' AND (SELECT count(*) FROM "{{name}}" WHERE false) = 0
ORDER BY ordinal_position"""
"""The last condition makes a name that is no relation's an error."""

_FULL = {
    "collation": ', NULL::VARCHAR AS "Collation"',
    "more": ', \'select\' AS "Privileges", column_comment AS "Comment"',
}
_PLAIN = {"collation": "", "more": ""}

_CREATE = f"""SELECT table_name AS "Table", 'CREATE TABLE "' || table_name || '" (' || chr(10)
    || string_agg('  "' || column_name || '" ' || {_TYPES} || if(is_nullable = 'NO', ' NOT NULL', '')
        || ' COMMENT ''' || replace(column_comment, '''', '''''') || '''', ',' || chr(10) ORDER BY ordinal_position)
    || chr(10) || ')' AS "Create Table"
FROM information_schema.columns
WHERE table_name = '{{name}}' AND (SELECT count(*) FROM "{{name}}" WHERE false) = 0 GROUP BY table_name"""

_DESCRIBED = """SELECT column_name, data_type AS column_type, is_nullable AS "null", NULL::VARCHAR AS "key",
    NULL::VARCHAR AS "default", NULL::VARCHAR AS "extra"
FROM information_schema.columns
WHERE table_name = '{name}' AND (SELECT count(*) FROM "{name}" WHERE false) = 0
ORDER BY ordinal_position"""
"""As the engine answers DESCRIBE, but for "null": it says YES of every column of a view."""

_INDEXES = """SELECT '' AS "Table", 1 AS "Non_unique", '' AS "Key_name", 1 AS "Seq_in_index", '' AS "Column_name" WHERE false"""
_WARNINGS = """SELECT '' AS "Level", 0 AS "Code", '' AS "Message" WHERE false"""

_NAME = r"(?:(?:[`\"]?(?P<database>\w{1,64})[`\"]?\s*\.\s*)?[`\"]?(?P<name>\w{1,64})[`\"]?)"
_FROM_DATABASE = r"(?:\s+(?:from|in)\s+[`\"]?(?P<of>\w{1,64})[`\"]?)?"
_LIKE = r"(?:\s+like\s+'(?P<like>[^'\\]{0,64})')?"
_BLANKS = " \t\n\r\f\v"


def _pattern(text: str) -> re.Pattern[str]:
    """The pattern of a whole statement as `_bare` leaves it. The gateway itself matches these, so no two neighbouring parts may
    match the same characters: the time is linear in the length."""
    return re.compile(text, re.IGNORECASE | re.ASCII)


def _bare(sql: str) -> str:
    """A statement without the blanks around it and its ";"."""
    return sql.strip(_BLANKS).removesuffix(";").rstrip(_BLANKS)


_SHOW_TABLES = _pattern(rf"show\s+(?P<full>full\s+)?tables{_FROM_DATABASE}{_LIKE}")
_SHOW_COLUMNS = _pattern(
    rf"show\s+(?P<full>full\s+)?(?:columns|fields)\s+(?:from|in)\s+{_NAME}{_FROM_DATABASE}{_LIKE}"
)
_SHOW_CREATE = _pattern(rf"show\s+create\s+(?:table|view)\s+{_NAME}")
_SHOW_INDEX = _pattern(rf"show\s+(?:index|indexes|keys)\s+(?:from|in)\s+{_NAME}{_FROM_DATABASE}")
_SHOW_DATABASES = _pattern(rf"show\s+(?:databases|schemas){_LIKE}")
_SHOW_VARIABLES = _pattern(rf"show\s+(?:(?:session|global)\s+)?variables{_LIKE}")
_SHOW_WARNINGS = _pattern(r"show\s+(?:warnings|errors)")
_DESCRIBE = _pattern(rf"(?:describe|desc|explain)\s+{_NAME}")
_SELECT_VARIABLES = _pattern(r"select\s+(?P<items>@@[^'\"`;()]+)")
_ITEMS_MAX = 502
"""Characters of a list of variables."""
_SELECT_VERSION = _pattern(r"select\s+version\s*\(\s*\)")
_VARIABLE = re.compile(
    r"(?P<shown>@@(?:(?:session|global)\.)?(?P<name>\w{1,64}))(?:\s+(?:as\s+)?(?P<alias>\w{1,64}))?",
    re.IGNORECASE,
)
_SET = _pattern(
    r"set\s+(?:session\s+|@@session\.|@@)?(?:(?:names|character\s+set)\s+'?utf8(?:mb[34])?'?(?:\s+collate\s+'?\w+'?)?"
    r"|sql_mode\s*=\s*'[^'\\]{0,200}'|autocommit\s*=\s*(?:1|true|on)|time_zone\s*=\s*'(?:utc|\+00:00)'"
    r"|transaction\s+(?:isolation\s+level\s+[a-z]+(?:\s+[a-z]+)*|read\s+only))"
)
_TRANSACTION = _pattern(r"(?:begin|start\s+transaction(?:\s+read\s+only)?|commit|rollback)")
_USE = _pattern(r"use\s+`?(?P<name>\w{1,64})`?")


def select_for(sql: str) -> str | None:
    """The SELECT that answers a statement of this kind; None where it is none. Plain ``SHOW TABLES`` is the reader's.

    Raises
    ------
    QueryRefused : 1049, it names another database; 1193, an unknown variable.
    """
    if len(sql) > TEXT_MAX:
        return None
    sql = _bare(sql)
    if (found := _SHOW_TABLES.fullmatch(sql)) is not None:
        if not any(found.group("full", "of", "like")):
            return None
        kind = ", 'BASE TABLE' AS \"Table_type\"" if found["full"] else ""
        return (
            f'SELECT table_name AS "Tables_in_{_database(found["of"])}"{kind} FROM information_schema.tables '
            f"WHERE table_name LIKE '{_like(found)}' ORDER BY 1"
        )
    if (found := _SHOW_COLUMNS.fullmatch(sql)) is not None:
        _database(found["of"] or found["database"])
        return _COLUMNS.format(
            name=found["name"].lower(), like=_like(found), **(_FULL if found["full"] else _PLAIN)
        )
    if (found := _SHOW_CREATE.fullmatch(sql)) is not None:
        _database(found["database"])
        return _CREATE.format(name=found["name"].lower())
    if (found := _DESCRIBE.fullmatch(sql)) is not None:
        if _database(found["database"]) not in OWN_DATABASES:
            return None  # the engine's own relations, which the dictionary does not have
        return _DESCRIBED.format(name=found["name"].lower())
    if (found := _SHOW_DATABASES.fullmatch(sql)) is not None:
        values = f"(VALUES ('{SCHEMA}'), ('information_schema')) AS answer (\"Database\")"
        return f"SELECT * FROM {values} WHERE \"Database\" LIKE '{_like(found)}'"
    if (found := _SHOW_VARIABLES.fullmatch(sql)) is not None:
        values = ", ".join(f"('{name}', '{value}')" for name, value in VARIABLES.items())
        return (
            f'SELECT * FROM (VALUES {values}) AS answer ("Variable_name", "Value") '
            f"WHERE \"Variable_name\" LIKE '{_like(found)}'"
        )
    if _SHOW_INDEX.fullmatch(sql) is not None:
        return _INDEXES
    if _SHOW_WARNINGS.fullmatch(sql) is not None:
        return _WARNINGS
    if _SELECT_VERSION.fullmatch(sql) is not None:
        return f"SELECT '{VARIABLES['version']}' AS \"version()\""
    found = _SELECT_VARIABLES.fullmatch(sql)
    return None if found is None else _variables(found["items"])


def _variables(items: str) -> str | None:
    """The SELECT of a list of variables, each under its own name; drivers add a LIMIT 1."""
    head, *limit = items.rsplit(None, 2)
    if [word.lower() for word in limit] == ["limit", "1"]:
        items = head
    if len(items) > _ITEMS_MAX:
        return None
    shown = []
    for item in items.split(","):
        found = _VARIABLE.fullmatch(item.strip())
        if found is None:
            return None
        name = found["name"].lower()
        if name not in VARIABLES:
            raise QueryRefused(
                f"Unknown system variable '{one_line(name, 64)}'; there are {', '.join(VARIABLES)}", code=1193
            )
        shown.append(f'{_literal(VARIABLES[name])} AS "{found["alias"] or found["shown"]}"')
    return f"SELECT {', '.join(shown)}"


def is_setting(sql: str) -> bool:
    """Whether a statement sets what every session has here, so that nothing is to be done.

    Raises
    ------
    QueryRefused : 1049, USE names another database; 1193, SET asks for what no session has.
    """
    if len(sql) > TEXT_MAX:
        return False
    sql = _bare(sql)
    if (found := _USE.fullmatch(sql)) is not None:
        _database(found["name"])
        return True
    if _SET.fullmatch(sql) is not None or _TRANSACTION.fullmatch(sql) is not None:
        return True
    if re.match(r"\s*set\b", sql, re.IGNORECASE):
        raise QueryRefused(
            f"{one_line(sql, 80)} is denied: a session has nothing to set but NAMES (UTF-8), sql_mode, autocommit = 1, "
            "time_zone = 'UTC' and its transaction's isolation",
            code=1193,
        )
    return False


def _like(found: re.Match[str]) -> str:
    return found["like"] or "%"


def _database(name: str | None) -> str:
    """The name of the database, if it is one of ours."""
    if name is not None and name.lower() not in DATABASES:
        raise QueryRefused(f"Unknown database '{one_line(name, 64)}'; use {OWN_DATABASES[0]}", code=1049)
    return name.lower() if name is not None else SCHEMA


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"
