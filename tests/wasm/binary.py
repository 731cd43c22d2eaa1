"""Modules written byte by byte, for what no text form can say."""


def leb128(value: int) -> bytes:
    """An unsigned number as the binary format has it."""
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def vector(items: list[bytes]) -> bytes:
    return leb128(len(items)) + b"".join(items)


def section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + leb128(len(content)) + content


def named(text: str) -> bytes:
    raw = text.encode()
    return leb128(len(raw)) + raw


def custom(name: str, content: bytes) -> bytes:
    """A custom section."""
    return section(0, named(name) + content)


def producers(fields: dict[str, list[str]]) -> bytes:
    """The custom section in which compilers tell of themselves."""
    content = [
        named(field) + vector([named(v) + named("1.0") for v in values]) for field, values in fields.items()
    ]
    return custom("producers", vector(content))


I32, I64 = b"\x7f", b"\x7e"
STRATEGY_TYPE = b"\x60" + vector([I32] * 8 + [I64] + [I32] * 2) + vector([I64])


def strategy_module(types: list[bytes], functions: list[tuple[int, bytes]]) -> bytes:
    """A module with a blank ``decide`` and further functions, each of one of the further types."""
    bodies = [b"\0\x42\0\x0b", *(body for _type, body in functions)]
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            section(1, vector([STRATEGY_TYPE, *types])),
            section(3, vector([leb128(0), *(leb128(1 + type_) for type_, _body in functions)])),
            section(5, vector([b"\0\1"])),
            section(7, vector([named("memory") + b"\2\0", named("decide") + b"\0\0"])),
            section(10, vector([leb128(len(body)) + body for body in bodies])),
        )
    )


def compile_bomb(values: int, depth: int, tables: int) -> bytes:
    """Small to send, large to compile: jump tables to ``depth`` places, each of which is handed ``values`` values."""
    handed = b"\x60" + vector([I32] * values) + vector([I32] * values)
    jump = b"\x41\0\x0e" + vector([leb128(place) for place in range(depth - 1)]) + leb128(depth - 1)
    block = b"\x02" + leb128(1)
    body = b"\0" + b"\x41\0" * values + block * depth + (block + jump + b"\x0b") * tables
    return strategy_module([handed, b"\x60\0\0"], [(1, body + b"\x0b" * depth + b"\x1a" * values + b"\x0b")])
