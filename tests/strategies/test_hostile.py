"""Modules that are made to be a burden: each ends in a clear verdict, in a process of its own, within its limits."""

import re
import time

import pytest
import wasmtime

from tests.wasm.binary import I32, I64, STRATEGY_TYPE, custom, leb128, named, section, vector
from tests.wasm.builder import strategy_wat
from wasmverse.errors import ModuleRefused, StrategyError
from wasmverse.settings import Settings
from wasmverse.strategies.checker_start import inspect_module_apart
from wasmverse.strategies.inspection import inspect_module

SETTINGS = Settings()
BLOCK, END, DROP, CALL = b"\x02\x40", b"\x0b", b"\x1a", b"\x10"
NOTHING = b"\x60\0\0"


def module_of(
    body: bytes = b"",
    types: tuple[bytes, ...] = (),
    functions: tuple[tuple[int, bytes], ...] = (),
    exports: tuple[bytes, ...] = (),
    before_code: bytes = b"",
    behind: bytes = b"",
    memory: bytes = b"\0\1",
    before_exports: bytes = b"",
) -> bytes:
    """A strategy that does what ``body`` says and holds; ``functions`` are (number among ``types``, body)."""
    bodies = [b"\0" + body + b"\x42\0\x0b", *(text for _, text in functions)]
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            section(1, vector([STRATEGY_TYPE, *types])),
            section(3, vector([leb128(0), *(leb128(1 + type_) for type_, _ in functions)])),
            section(5, vector([memory])),
            before_exports,
            section(7, vector([named("memory") + b"\2\0", named("decide") + b"\0\0", *exports])),
            before_code,
            section(10, vector([leb128(len(text)) + text for text in bodies])),
            behind,
        )
    )


def everyone_calls_everyone(count: int) -> bytes:
    body = b"\0" + b"".join(CALL + leb128(1 + k) for k in range(count)) + END
    return module_of(types=(NOTHING,), functions=((0, body),) * count)


ACCEPTED = {
    "blocks, 5,000 deep": lambda: module_of(BLOCK * 5_000 + END * 5_000),
    "a jump table of 60,000 places": lambda: module_of(
        BLOCK + b"\x20\0\x0e" + leb128(60_000) + b"\0" * 60_001 + END
    ),
    "a thousand parameters and results": lambda: module_of(
        types=(b"\x60" + vector([I32] * 1000) + vector([I32] * 1000),),
        functions=((0, b"\0" + b"\x20\0" * 1000 + END),),
    ),
    "blocks of a thousand results": lambda: module_of(
        (b"\2\1" + b"\x42\0" * 1000 + END + DROP * 1000) * 5, types=(b"\x60\0" + vector([I64] * 1000),)
    ),
    "everyone calls everyone": lambda: everyone_calls_everyone(150),
    "a ring of 3,000 functions": lambda: module_of(
        types=(NOTHING,),
        functions=tuple((0, b"\0" + CALL + leb128(1 + (k + 1) % 3_000) + END) for k in range(3_000)),
    ),
    "a megabyte of names": lambda: module_of() + custom("name", b"\xff" * 1_000_000),
    "twenty thousand custom sections": lambda: module_of() + section(0, b"\0") * 20_000,
    "data that overlaps": lambda: module_of(
        behind=section(11, vector([b"\0\x41\0\x0b" + leb128(60_000) + b"\7" * 60_000] * 10))
    ),
    "passive data that is never used": lambda: module_of(
        before_code=section(12, b"\1"), behind=section(11, vector([b"\1" + leb128(500_000) + b"\7" * 500_000]))
    ),
    "offsets that are sums": lambda: module_of(
        behind=section(11, vector([b"\0\x41\0" + b"\x41\0\x6a" * 100 + b"\x0b\1a"] * 20))
    ),
    "ten thousand globals": lambda: module_of(before_exports=section(6, vector([b"\x7f\0\x41\0\x0b"] * 10_000))),
    "a claim of four billion producers": lambda: module_of()
    + custom("producers", leb128(2**32 - 1) + (named("language") + b"\0") * 1000),
}  # fmt: skip


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_is_large_but_lawful_passes_in_little_time(what: str) -> None:
    started = time.process_time()
    assert inspect_module(ACCEPTED[what](), "mine", SETTINGS).strategies == {"mine": "decide"}
    assert time.process_time() - started < 10


REFUSED = {
    "exports": (
        lambda: module_of(exports=tuple(named(f"e{k}") + b"\2\0" for k in range(2_000))),
        "the module has 2,002 exports; 1,000 are allowed: export what is called only",
    ),
    "65,536 pages": (
        lambda: module_of(memory=b"\0" + leb128(65_536)),
        "the module cannot be instantiated: memory minimum size of 65536 pages exceeds",
    ),
    "pages past 32 bits": (
        lambda: module_of(memory=b"\0" + leb128(65_537)),
        "the module is not valid: memory size must be at most",
    ),
    "50,000 locals": (
        lambda: module_of(types=(NOTHING,), functions=((0, b"\1" + leb128(50_000) + I64 + END),)),
        "function 1 of the module keeps 50,000 values",
    ),
    "a stack of 20,000 operands": (
        lambda: module_of(b"\x41\0" * 20_000 + DROP * 20_000),
        "function 0 of the module keeps 20,012 values",
    ),
    "too many functions": (
        lambda: module_of(types=(NOTHING,), functions=((0, b"\0" + END),) * 20_001),
        "the module has 20,002 functions; 20,000 are allowed",
    ),
    "1,001 parameters": (
        lambda: module_of(types=(b"\x60" + vector([I32] * 1001) + b"\0",)),
        "the module is not valid: ",
    ),
    "a jump table of 100,000 places": (
        lambda: module_of(BLOCK + b"\x20\0\x0e" + leb128(100_000) + b"\0" * 100_001 + END),
        "the module cannot be compiled: ",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_past_a_limit_is_refused_with_the_limit(what: str) -> None:
    make, message = REFUSED[what]
    with pytest.raises(ModuleRefused) as refused:
        inspect_module(make(), "mine", SETTINGS)
    assert message in refused.value.message
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("name", ["\x1b[2J", "\u202egnp.exe", "a\r\nb", "\x00", "\u2028", "\ufeff"])
def test_no_name_acts_on_whatever_shows_the_refusal(name: str) -> None:
    text = "".join(f"\\{byte:02x}" for byte in name.encode())
    for module in (
        bytes(wasmtime.wat2wasm(f'(module (memory (export "memory") 1) (func (export "{text}")))')),
        bytes(wasmtime.wat2wasm(f'(module (import "{text}" "{text}" (func)))')),
        bytes(wasmtime.wat2wasm(strategy_wat("(i64.const 0)", name="X").replace('"X"', f'"{text}"'))),
        bytes(wasmtime.wat2wasm(f'(module (func (export "{text}")) (func (export "a{text}")))')),
    ):
        with pytest.raises((ModuleRefused, StrategyError)) as refused:
            inspect_module(module, "mine", SETTINGS)
        assert refused.value.message.isprintable()
        assert not re.search("[\u202e\x1b\r\n\0\u2028\ufeff]", refused.value.message)


def test_a_compiler_that_is_killed_is_a_refusal() -> None:
    """Half a million blocks within each other keep the compiler busy for longer than it has."""
    deep = module_of(BLOCK * 500_000 + END * 500_000)
    with pytest.raises(ModuleRefused, match=r"took more than 1 s: make it smaller|the compiler ended with"):
        inspect_module_apart(deep, "mine", Settings(compile_seconds_max=1))
