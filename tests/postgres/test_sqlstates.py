"""An error of a server means the same to a turn as to a command."""

import psycopg
import pytest

from wasmverse.errors import DatabaseLost
from wasmverse.storage.postgres import database, sessions


@pytest.mark.parametrize(
    ("state", "is_lost"),
    [
        ("40001", True), ("25P03", True), ("25P02", True), ("57P01", True), ("57P05", True), ("08006", True),
        ("57014", False), ("42501", False), ("53100", False), ("55P03", False),
    ],
)  # fmt: skip
def test_a_session_is_lost_for_both_or_for_none(state: str, is_lost: bool) -> None:
    error = psycopg.errors.lookup(state)("told")
    assert isinstance(database.explain("place", error), DatabaseLost) is is_lost
    assert isinstance(sessions.explain(error), DatabaseLost) is is_lost


@pytest.mark.parametrize("kind", [psycopg.OperationalError, psycopg.InterfaceError])
def test_a_connection_that_breaks_off_is_lost(kind: type[psycopg.Error]) -> None:
    assert isinstance(database.explain("place", kind("gone")), DatabaseLost)
    assert isinstance(sessions.explain(kind("gone")), DatabaseLost)
    assert not isinstance(sessions.explain(psycopg.DataError("odd")), DatabaseLost)
