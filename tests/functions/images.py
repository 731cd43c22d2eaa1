"""Guests whose memory is given, and which return what lies there."""

from typing import Any

from tests.functions.arrow_values import arrow_of
from tests.wasm import canonical
from tests.wasm.canonical_memory import Memory
from wasmverse.wasm.abi import core_function
from wasmverse.wasm.types import U32, Function, ValueType

TABLE_BYTES = 64
"""At the beginning of memory: the core values for up to eight rows."""


def images_of(result: ValueType, values: list[Any], noise: bytes) -> tuple[list[int], Memory]:
    """The core values that a guest returns, as bits, and its memory, in which all that says nothing is noise."""
    memory = Noisy(noise)
    images = []
    for value in values:
        if len(canonical.flatten_type(result)) == 1:
            [(_, bits)] = memory.lower_flat(result, value)
        else:
            bits = memory.realloc(canonical.alignment(result), canonical.elem_size(result))
            memory.store(bits, result, value)
        images.append(bits)
    return images, memory


class Noisy(Memory):
    """A memory that is not empty where nothing was stored."""

    def __init__(self, noise: bytes) -> None:
        super().__init__((noise * 4096)[:4096], TABLE_BYTES)
        self._noise = noise

    def realloc(self, align: int, size: int) -> int:
        at = canonical.align_to(self.free, align)
        self.free = at + size
        while self.free > len(self.content):
            self.content.extend(self._noise)
        return at


def wat_that_returns(result: ValueType, images: list[int], memory: Memory) -> str:
    """For the number of a row, the core value in its place at the beginning of the memory, which is filled to whole pages."""
    (core,) = core_function(Function((), result)).results
    memory.content[:TABLE_BYTES] = b"".join(bits.to_bytes(8, "little") for bits in images).ljust(
        TABLE_BYTES, b"\0"
    )
    text = "".join(f"\\{byte:02x}" for byte in memory.content)
    memory.content.extend(bytes(-len(memory.content) % 65_536))
    return f"""(module $m (memory (export "memory") {len(memory.content) // 65_536}) (data (i32.const 0) "{text}")
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (unreachable))
      (func (export "f") (param i32) (result {core})
        ({core}.load (i32.shl (local.get 0) (i32.const 3)))))"""


def numbers(count: int) -> Any:
    """The numbers of so many rows."""
    return arrow_of(U32, list(range(count)))
