"""The sentiment of texts: the function in C against the Python package whose lexicon it has."""

from __future__ import annotations

from dataclasses import replace
from statistics import correlation
from typing import Any

import pytest

from tests.functions.guests import run
from tests.functions.original import SOURCE, analyzer, build, texts
from tests.wasm.builder import NO_FAULTS
from wasmverse.functions.inspection import inspect_function
from wasmverse.functions.type_names import sql_type
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import FunctionCheckSettings
from wasmverse.wasm.engine import compile_for_flight
from wasmverse.wasm.guest import Guest
from wasmverse.wasm.wit import parse_world

WIT = (SOURCE / "sentiment.wit").read_text()
FUNCTIONS = parse_world(WIT)

LIMITS = replace(NO_FAULTS, budget_fuel=200_000_000)

EMOJI = "\U0001f601"
"""A beaming face with smiling eyes."""


@pytest.fixture(scope="module")
def module() -> Any:
    """The compiled module."""
    return compile_for_flight(build())


def sentiment(module: Any, *asked: str) -> list[float]:
    """What the function says of texts."""
    ran = run(FUNCTIONS["sentiment"], Guest.of(module, "sentiment"), list(asked), limits=LIMITS)
    assert ran.outcome.faults == 0, ran.outcome.reason
    answered: list[float] = ran.result.to_pylist()
    return answered


def feelings(module: Any, text: str) -> list[tuple[str, float]]:
    """The words that decide it."""
    (found,) = run(
        FUNCTIONS["feelings"], Guest.of(module, "feelings"), [text], limits=LIMITS
    ).result.to_pylist()
    return [(row["word"], round(row["valence"], 2)) for row in found]


def test_it_agrees_with_its_original_on_all_texts(module: Any) -> None:
    known = [text for _judged, text in texts()]
    assert len(known) > 20_000
    original = [analyzer().polarity_scores(text)["compound"] for text in known]
    ours = sentiment(module, *known)
    assert correlation(original, ours) > 0.9999
    # The original's "but" changes the first of several equal valences again and again; ours changes each once.
    differ = [text for text, a, b in zip(known, original, ours, strict=True) if abs(a - b) > 1e-4]
    assert len(differ) < 20
    assert all("but" in text.lower() for text in differ)


def test_it_agrees_with_people(module: Any) -> None:
    judged, known = zip(*texts(), strict=True)
    assert correlation(judged, sentiment(module, *known)) > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n",
        "good",
        "GOOD",
        "a GOOD ship",
        "very good, VERY good and vErY good!!!!!",
        "not good; isn't bad, ain't it?? never so good, without doubt good, hardly any good",
        "no good or bad, nor evil; no",
        "least good, at least good, very least good",
        "good but bad",
        "kind of good, sort of a bad idea, just enough bad luck",
        "the bomb! that was the bomb, a kiss of death to die for, yeah right, bad ass",
        "a good day to die for love of the shit",
        ":) :D ;-( <3 :-/ it's",
        f"I {EMOJI} this {EMOJI}{EMOJI} {EMOJI}!",
        "caf\xe9 \xfcber gut, tr\xe8s bad \u2014 good",
        "good" + "!" * 9 + "?" * 9,
        "\x00\x01 good \x7f bad",
        "(((good))) '''bad''' ...great...",
        "x" * 70_000 + " good",
        "bad " * 20_000,
    ],
    ids=lambda text: repr(text[:16]),
)
def test_a_text_has_the_value_of_the_original(module: Any, text: str) -> None:
    (ours,) = sentiment(module, text)
    assert ours == pytest.approx(analyzer().polarity_scores(text)["compound"], abs=1e-4)


def test_the_words_that_decide_are_told(module: Any) -> None:
    assert feelings(module, "The captain is NOT happy, but the crew is very brave :)") == [
        ("happy", -1.0),
        ("brave", 4.04),
        (":)", 3.42),
    ]
    assert feelings(module, "nothing to see") == []
    assert feelings(module, f"{EMOJI} it is")[0][0] == EMOJI


def test_one_row_leaves_nothing_for_the_next(module: Any) -> None:
    long = "bad " * 40_000
    rows = [long, "good"] * 20
    assert sentiment(module, *rows) == sentiment(module, long, "good") * 20


def test_a_text_larger_than_the_memory_is_a_fault_of_its_row(module: Any) -> None:
    huge = "good " * (5 << 20)
    ran = run(FUNCTIONS["sentiment"], Guest.of(module, "sentiment"), ["good", huge, "good"], limits=LIMITS)
    first, second, third = ran.result.to_pylist()
    assert second is None
    assert first == third > 0


@pytest.mark.parametrize(
    ("export", "result"), [("sentiment", "DOUBLE"), ("feelings", "STRUCT(word VARCHAR, valence DOUBLE)[]")]
)
def test_its_wit_makes_functions_of_sql_of_it(export: str, result: str) -> None:
    wanted = Wanted(export, wit=WIT)
    made, _compiled = inspect_function(build(), wanted, FunctionCheckSettings())
    assert [str(field.type) for field in made.function.params] == ["string"]
    assert made.function.result is not None
    assert sql_type(made.function.result) == result
