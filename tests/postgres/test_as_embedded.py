"""What the embedded engine's tests say of commands, bounds and records holds in PostgreSQL, too."""

from collections.abc import Callable, Iterator

import pytest

from tests.postgres.server import Server
from tests.simulation.builder import SMALL
from tests.simulation.test_bounds import (  # noqa: F401
    test_nothing_is_kept_of_names_that_are_forgotten,
)
from tests.simulation.test_check_upload import (  # noqa: F401
    test_the_answer_is_that_of_the_upload_and_nothing_is_changed,
)
from tests.simulation.test_commands import (  # noqa: F401
    test_somebody_else_s_name_cannot_be_taken,
    test_what_is_spawned_is_there_at_once_and_takes_part_in_the_next_turn,
)
from tests.simulation.test_declared import test_a_new_version_declares_for_itself  # noqa: F401
from tests.simulation.test_transmission import (  # noqa: F401
    test_nobody_can_silence_the_others,
)
from tests.simulation.test_versions import (  # noqa: F401
    test_a_removed_strategy_has_no_versions,
    test_a_version_that_cannot_be_found_is_refused_with_those_that_can,
    test_what_is_replaced_is_kept_and_flies_again,
)
from tests.storage.test_functions import (  # noqa: F401
    test_a_function_belongs_to_its_author,
    test_a_strategy_cannot_take_a_functions_name,
    test_versions_are_kept_and_one_command_goes_back,
    test_what_is_missing_or_there_already_is_an_error_unless_it_may_be,
    test_what_readers_count_is_shown_and_bounded_by_what_is_kept,
)
from wasmverse.settings import DatabaseUrl, Settings
from wasmverse.storage.postgres.opening import open_postgres
from wasmverse.storage.postgres.store import PostgresStore


@pytest.fixture
def simulate(server: Server) -> Iterator[Callable[..., PostgresStore]]:
    """Opens universes, each in a database of its own; played outside, since a backend begins slowly for a turn or two."""
    opened: list[tuple[PostgresStore, str]] = []

    def simulate(settings: Settings = SMALL) -> PostgresStore:
        name = server.create_database()
        store = open_postgres([DatabaseUrl.read(server.url(name))], settings, play="outside")
        opened.append((store, name))
        assert store.claim()
        return store

    yield simulate
    for store, name in opened:
        store.close()
        server.drop_database(name)


@pytest.fixture
def store(simulate: Callable[..., PostgresStore]) -> PostgresStore:
    """One universe."""
    return simulate()
