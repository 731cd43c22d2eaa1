"""Real modules that have been damaged: bytes, numbers and whole sections changed."""

from __future__ import annotations

from random import Random

from tests.wasm.binary import leb128, section
from wasmverse.wasm.sections import leb128 as read_leb128
from wasmverse.wasm.sections import sections_of


def damaged(rng: Random, originals: list[bytes]) -> bytes:
    """A real module with bytes, numbers or whole sections changed."""
    module = bytearray(rng.choice(originals))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(8, max(9, len(module)))
        match rng.randrange(9):
            case 0:
                module[at : at + 1] = bytes([rng.randrange(256)])
            case 1 if at < len(module):
                module[at] ^= 1 << rng.randrange(8)
            case 2:
                module[at:at] = rng.randbytes(rng.randint(1, 4))
            case 3:
                del module[at : at + rng.randint(1, 4)]
            case 4 if rng.random() < 0.2:
                del module[at:]
            case 5:
                # The same number, another length; or another number.
                if at < len(module):
                    module[at : at + 1] = rng.choice(
                        (bytes([module[at] | 0x80, 0]), b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x80\0")
                    )
            case 6 | 7 | 8:
                module = bytearray(_sections_changed(bytes(module), rng, originals))
    return bytes(module)


def _sections_changed(module: bytes, rng: Random, originals: list[bytes]) -> bytes:
    try:
        sections = list(sections_of(module))
        others = list(sections_of(rng.choice(originals)))
    except IndexError:
        return module
    if not sections:
        return module
    at = rng.randrange(len(sections))
    match rng.randrange(6):
        case 0:
            del sections[at]
        case 1:
            sections.insert(at, sections[at])
        case 2:
            sections[at] = rng.choice(others)
        case 3:
            kind, content = sections[at]
            sections[at] = (kind, content[: rng.randrange(len(content) + 1)])
        case 4:
            # One more than there are, or one fewer.
            kind, content = sections[at]
            if content:
                count, rest = read_leb128(content + b"\0", 0)
                sections[at] = (kind, leb128(max(0, count + rng.choice((-1, 1)))) + content[rest:])
        case 5:
            other = rng.randrange(len(sections))
            sections[at], sections[other] = sections[other], sections[at]
    return module[:8] + b"".join(section(kind, content) for kind, content in sections)
