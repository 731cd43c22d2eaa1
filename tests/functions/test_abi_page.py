"""The page on the interface is true: its example runs as it says, and it names every check that can fail."""

import re
from pathlib import Path

import pyarrow as pa
import wasmtime

from tests.functions.guests import guest_of
from tests.wasm.builder import limits_of
from wasmverse.functions.run import Runner
from wasmverse.wasm.abi import core_function
from wasmverse.wasm.driver_text import CHECKS
from wasmverse.wasm.wit import parse_world

PAGE = (Path(__file__).parents[2] / "docs" / "abi.md").read_text("utf-8")


def block(kind: str) -> str:
    """The example in this notation, which is the function ``cut``."""
    [found] = [text for text in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) if "cut" in text]
    return found


def test_the_example_does_what_the_page_says() -> None:
    function = parse_world(block("wit"))["cut"]
    assert f"Its core type is `{core_function(function)}`" in PAGE
    guest = guest_of(block("wat").replace('(export "cut")', '(export "f")'))
    texts, after = pa.array(["farewell", "farewell", "so long"]), pa.array([4, 9, None], pa.uint32())
    ran = Runner(function).run(guest, [texts, after], 3, limits_of())
    assert ran.result.to_pylist() == [{"text": "fare", "left": 4}, None, {"text": "so long", "left": 0}]
    assert ran.errors == {1: "not so long"}


def test_the_bytes_of_the_example_are_those_that_the_page_shows() -> None:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, block("wat")), []).exports(store)
    passed, found = re.findall(r"`((?:[0-9a-f.]{2} )+[0-9a-f.]{2})`", PAGE)
    assert bytes.fromhex(passed) == b"farewell"
    memory: wasmtime.Memory = exports["memory"]
    assert exports["cabi_realloc"](store, 0, 0, 1, 8) == 65_536
    memory.write(store, b"\xee" * 200, 76 - 12)
    memory.write(store, b"farewell", 65_536)
    at = exports["cut"](store, 65_536, 8, 1, 4)
    assert at == 64
    for byte, shown in zip(memory.read(store, at, at + 16), found.split(), strict=True):
        assert shown in {f"{byte:02x}", ".."}


def test_every_check_is_named() -> None:
    named = PAGE.replace(
        "`its allocator returned an address outside its memory`, `... that is not aligned`", ""
    )
    told = [
        check
        for check in CHECKS
        if check and not check.startswith("its allocator") and "too long" not in check
    ]
    assert [check for check in told if f"| `{check}` |" not in named] == []
    assert len(told) == 6
