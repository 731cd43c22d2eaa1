"""``transmission``: what ships print and what clients say to everybody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.builder import SMALL, changed, play
from tests.simulation.test_strategy_log import flown
from wasmverse.commands import MESSAGE_CHARACTERS_MAX, Author, Transmit
from wasmverse.errors import CommandError
from wasmverse.storage.duckdb.store import DuckdbStore

ADA = Author.named("ada")


def said(simulation: DuckdbStore) -> list[tuple[Any, ...]]:
    """The view as whoever opens the file sees it."""
    with simulation.database.transaction() as transaction:
        rows: list[tuple[Any, ...]] = transaction.run_text(
            "SELECT tid, strategy, eid IS NOT NULL, author, text FROM transmission ORDER BY ALL"
        )
        return rows


def test_what_a_client_says_belongs_to_the_last_turn(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate()
    play(simulation, 3)
    assert simulation.carry_out(Transmit("We come in peace ✌", ADA)) == {"tid": 3}
    assert simulation.snapshot()["message"].to_pylist() == [
        {"tid": 3, "author": "ada", "text": "We come in peace ✌"}
    ]
    play(simulation, 1)
    assert said(simulation) == [(3, None, False, "ada", "We come in peace ✌")]


def test_ships_and_clients_are_heard_alike(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = flown(simulate, "mine!", ships=2)
    simulation.carry_out(Transmit("Hello", ADA))
    play(simulation, 1)
    assert said(simulation) == [
        (0, None, False, "ada", "Hello"),
        (1, "mine", True, None, "mine!"),
        (1, "mine", True, None, "mine!"),
    ]


def test_what_was_said_is_forgotten_with_its_turn(
    simulate: Callable[..., DuckdbStore], tmp_path: Path
) -> None:
    settings, path = changed(event_turns_kept=2), tmp_path / "u.duckdb"
    simulation = simulate(settings, path)
    simulation.carry_out(Transmit("first", ADA))
    play(simulation, 1)
    simulation.carry_out(Transmit("second", ADA))
    assert simulation.snapshot()["message"]["text"].to_pylist() == ["first", "second"]
    play(simulation, 1)
    assert simulation.snapshot()["message"]["text"].to_pylist() == ["second"]
    simulation.close()
    again = simulate(settings, path)
    assert again.snapshot()["message"]["text"].to_pylist() == ["second"]
    play(again, 1)
    assert again.snapshot()["message"].num_rows == 0
    assert said(again) == []


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", "The text is empty"),
        (" \u3000", "The text is empty"),
        ("x" * (MESSAGE_CHARACTERS_MAX + 1), "501 characters, the limit is 500"),
        ("two\nlines", r"U\+000A"),
        ("a\u202ebc", r"U\+202E"),
        ("a\x00b", r"U\+0000"),
    ],
)
def test_a_text_that_cannot_be_shown_is_refused(
    simulate: Callable[..., DuckdbStore], text: str, refusal: str
) -> None:
    simulation = simulate()
    with pytest.raises(CommandError, match=refusal) as refused:
        simulation.carry_out(Transmit(text, ADA))
    assert refused.value.code == 1210
    assert simulation.snapshot()["message"].num_rows == 0


def test_a_flood_is_refused_until_the_next_turn(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate(changed(messages_turn_max=30))
    for n in range(30):
        simulation.carry_out(Transmit(f"{n}", Author.named(f"author {n % 10}")))
    with pytest.raises(
        CommandError, match="30 texts were transmitted since turn 0, the limit is 30"
    ) as refused:
        simulation.carry_out(Transmit("one more", ADA))
    assert refused.value.code == 1226
    play(simulation, 1)
    assert simulation.carry_out(Transmit("one more", ADA)) == {"tid": 1}
    assert len(said(simulation)) == 31


def test_nobody_can_silence_the_others(simulate: Callable[..., DuckdbStore]) -> None:
    simulation = simulate(changed(messages_turn_max=30))
    for n in range(3):
        simulation.carry_out(Transmit(f"{n}", ADA))
    with pytest.raises(CommandError, match="You transmitted 3 texts since turn 0, the limit is 3") as refused:
        simulation.carry_out(Transmit("one more", ADA))
    assert refused.value.code == 1226
    assert simulation.carry_out(Transmit("one", Author.named("bob"))) == {"tid": 0}


def test_words_change_nothing_else(simulate: Callable[..., DuckdbStore]) -> None:
    silent, loud = simulate(SMALL), simulate(SMALL)
    for _turn in range(3):
        loud.carry_out(Transmit("hear, hear", ADA))
        play(silent, 1)
        play(loud, 1)
    assert silent.state_hash() == loud.state_hash()
