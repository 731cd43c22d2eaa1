"""One check: what its process answered, and what it may cost."""

import json
from dataclasses import replace
from typing import Any

import pytest

from wasmverse.checks.start import HEADER_BYTES_MAX, Bounds, Check
from wasmverse.errors import FunctionError, ModulePlace, ModuleRefused, StrategyError
from wasmverse.settings import CheckSettings


def read(found: dict[str, Any], compiled: bytes) -> tuple[dict[str, Any], bytes]:
    return found, compiled


SETTINGS = CheckSettings().model_dump_json()
BOUNDS = Bounds(5.0, 1 << 28, 64, 100)
CHECK = Check("wasmverse.functions.checker", SETTINGS, (b"",), BOUNDS, read, (FunctionError,))


def test_an_answer_is_read_or_raised() -> None:
    assert CHECK.answer(0, b'{"a": 1}\n\x00\n') == ({"a": 1}, b"\x00\n")
    assert CHECK.answer_bytes_max == HEADER_BYTES_MAX + 100
    for kind, raised in (
        ("FunctionError", FunctionError),
        ("ModuleRefused", ModuleRefused),
        ("KeyError", ModuleRefused),
    ):
        with pytest.raises(raised, match="no"):
            CHECK.answer(0, json.dumps({"refused": "no", "kind": kind}).encode() + b"\n")
    with pytest.raises(ModuleRefused) as refused:
        CHECK.answer(0, json.dumps({"refused": "no", "kind": "StrategyError"}).encode() + b"\n")
    assert not isinstance(refused.value, StrategyError)
    with pytest.raises(ModuleRefused, match=r"ended with 9 .* 5 s, 268,435,456 bytes"):
        CHECK.answer(9, b"{}")


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"kind": "import", "module": "env", "name": "now"}, ModulePlace("import", "now", "env")),
        ({"kind": "export", "name": "decide"}, ModulePlace("export", "decide")),
        ({"kind": "export", "name": "de\ncide"}, None),
        ({"kind": "export", "name": "x" * 100_000}, None),
        ({"kind": "function", "index": 7}, ModulePlace("function", index=7)),
        ({"kind": "function", "index": -7}, None),
        ({"kind": "function", "index": 1 << 70}, None),
        ({"kind": "import", "name": "now"}, None),
        ({"kind": "export", "name": ["decide"]}, None),
        ({"kind": "elsewhere"}, None),
        ("decide", None),
    ],
)
def test_a_place_is_believed_only_if_it_is_one(said: object, place: ModulePlace | None) -> None:
    with pytest.raises(ModuleRefused) as refused:
        CHECK.answer(0, json.dumps({"refused": "no", "place": said}).encode() + b"\n")
    assert refused.value.place == place


@pytest.mark.parametrize("output", [b"[1]\n", b"no JSON\n", b'{"a": \xff}\n', b"[" * 100_000 + b"\n"])
def test_an_answer_that_no_checker_gives_is_a_refusal(output: bytes) -> None:
    """The process has run a stranger's code."""
    with pytest.raises(ModuleRefused, match="the checker's answer is not understood"):
        CHECK.answer(0, output)


def test_a_header_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may fill the room of the machine code."""
    read_lengths = []
    loads = json.loads

    def noting(text: bytes) -> Any:
        read_lengths.append(len(text))
        return loads(text)

    monkeypatch.setattr("wasmverse.checks.start.json.loads", noting)
    longest = b'{"a": "' + b"x" * (HEADER_BYTES_MAX - 9) + b'"}'
    assert len(longest) == HEADER_BYTES_MAX
    assert CHECK.answer(0, longest + b"\nmachine code")[1] == b"machine code"
    with pytest.raises(ModuleRefused, match="the checker's answer is not understood"):
        CHECK.answer(0, longest[:-2] + b'x"}\n')
    with pytest.raises(ModuleRefused, match="the checker's answer is not understood"):
        CHECK.answer(0, b'{"a": "' + b"x" * (33 << 20) + b'"}')
    assert max(read_lengths) == HEADER_BYTES_MAX


def test_a_process_that_cannot_read_its_settings_is_a_refusal() -> None:
    with pytest.raises(ModuleRefused, match="the compiler ended with"):
        replace(CHECK, settings='{"user_ids_first": 0}').run()
