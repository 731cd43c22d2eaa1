"""Who may change a strategy: the owner's id decides, never the name that somebody gives."""

from collections.abc import Iterator

import pytest

from wasmverse.commands import BUNDLED_OWNER, OPERATOR_OWNER, Author
from wasmverse.errors import StrategyTaken
from wasmverse.storage import strategy_store
from wasmverse.storage.duckdb.database import Database, Transaction

BUNDLED = Author.named(BUNDLED_OWNER)
FORGED = Author("name:wasmverse", "wasmverse")
"""Whoever would come with the bundled strategies' name, past the refusal of that name."""
TOKEN_OF_THAT_NAME = Author("token:1", "wasmverse")
ADA, ADA_AGAIN, EVE = Author("token:2", "ada"), Author("token:3", "ada"), Author("token:4", "eve")
OPERATOR = Author(OPERATOR_OWNER, "operator", is_admin=True)


@pytest.fixture
def transaction() -> Iterator[Transaction]:
    database = Database.open(None)
    with database.transaction() as transaction:
        yield transaction
    database.close()


def store(transaction: Transaction, name: str, author: Author) -> None:
    strategy_store.store_strategies(
        transaction, b"code", {name: "decide"}, sha256="c0de", language="C", author=author, now=1.0
    )


def owner(transaction: Transaction, name: str) -> tuple[str, str]:
    row = strategy_store.find_strategy(transaction, name)
    return row.owner, row.author


@pytest.mark.parametrize("stranger", [FORGED, TOKEN_OF_THAT_NAME, ADA])
def test_the_bundled_strategies_belong_to_no_name(transaction: Transaction, stranger: Author) -> None:
    store(transaction, "default", BUNDLED)
    with pytest.raises(StrategyTaken, match="comes with Wasmverse"):
        store(transaction, "default", stranger)
    with pytest.raises(StrategyTaken, match="comes with Wasmverse"):
        strategy_store.remove_strategies(transaction, ["default"], stranger)
    with pytest.raises(StrategyTaken, match="comes with Wasmverse"):
        strategy_store.enable_strategy(transaction, "default", stranger, is_enabled=False)
    assert owner(transaction, "default") == (BUNDLED_OWNER, "wasmverse")


@pytest.mark.parametrize("stranger", [ADA_AGAIN, EVE, Author.named("ada")])
def test_a_strategy_belongs_to_a_token_and_not_to_its_name(
    transaction: Transaction, stranger: Author
) -> None:
    store(transaction, "mine", ADA)
    with pytest.raises(StrategyTaken, match="belongs to 'ada'"):
        store(transaction, "mine", stranger)
    with pytest.raises(StrategyTaken, match="belongs to 'ada'"):
        strategy_store.remove_strategies(transaction, ["mine"], stranger)
    strategy_store.remove_strategies(transaction, ["mine"], ADA)
    with pytest.raises(StrategyTaken, match="belongs to 'ada'"):
        store(transaction, "mine", stranger)


def test_what_was_stored_under_a_bare_name_goes_to_the_token_of_that_name(transaction: Transaction) -> None:
    store(transaction, "mine", Author.named("ada"))
    with pytest.raises(StrategyTaken):
        store(transaction, "mine", EVE)
    store(transaction, "mine", ADA)
    assert owner(transaction, "mine") == (ADA.owner, "ada")
    with pytest.raises(StrategyTaken):
        store(transaction, "mine", Author.named("ada"))


def test_an_admin_changes_what_others_own_and_it_stays_theirs(transaction: Transaction) -> None:
    store(transaction, "mine", ADA)
    store(transaction, "mine", OPERATOR)
    assert owner(transaction, "mine") == (ADA.owner, "ada")
    store(transaction, "new", OPERATOR)
    assert owner(transaction, "new") == (OPERATOR_OWNER, "operator")
    strategy_store.enable_strategy(transaction, "mine", OPERATOR, is_enabled=False)
    strategy_store.remove_strategies(transaction, ["mine"], OPERATOR)
