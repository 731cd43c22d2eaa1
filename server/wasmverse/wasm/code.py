"""Function bodies: what each calls, how much it keeps on its stack, and where it returns.

One pass over the instructions of a body, which must have been validated. Only what the call stack depends on is kept: see
``stack``.

Source: WebAssembly Core Specification 2.0, section 5.4 (binary format of instructions); the numbers of values that an
instruction takes and gives are those of section 3.3. Wide arithmetic and typed references, which older versions let pass,
are read too; a tail call is not, as it ends a frame in a way that cannot be counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wasmverse.errors import ModuleRefused
from wasmverse.wasm.sections import leb128, skip_value_type

CALL, CALL_INDIRECT, CALL_REF = 0x10, 0x11, 0x14
_BLOCK, _LOOP, _IF, _ELSE, _END = 0x02, 0x03, 0x04, 0x05, 0x0B
_BR, _BR_TABLE, _RETURN, _UNREACHABLE = 0x0C, 0x0E, 0x0F, 0x00
_SELECT_TYPED, _REF_NULL, _REF_FUNC = 0x1C, 0xD0, 0xD2
_TAIL_CALLS = (0x12, 0x13, 0x15)
_I64_CONST, _I32_CONST = 0x42, 0x41


@dataclass(slots=True)
class Body:
    """What one function's instructions say.

    start and end : where its instructions begin in the code section, and where their final ``end`` is.
    locals : how many values it declares beside its parameters.
    height : the most values on its operand stack.
    widest : the most values that one of its calls passes and is given back.
    calls, indirect, refers : the functions it calls, the types it calls through a table, the functions it refers to.
    calls_reference : whether it calls a function reference, which may be any.
    returns : (place, depth of blocks) of each ``return``.
    is_imported : whether there are no instructions, the function being another module's.
    """

    start: int
    end: int
    locals: int
    height: int = 0
    widest: int = 0
    calls: set[int] = field(default_factory=set)
    indirect: set[int] = field(default_factory=set)
    refers: set[int] = field(default_factory=set)
    calls_reference: bool = False
    returns: list[tuple[int, int]] = field(default_factory=list)
    is_imported: bool = False


# What stands behind an opcode: nothing, so many bytes, so many LEB128 numbers, or an address in memory (with a lane).
_NUMBERS, _BYTES, _ADDRESS, _ADDRESS_AND_LANE = range(4)
_Form = tuple[int, int, int, int]
"""Kind and count of immediates, values taken, values given."""


def _forms(table: dict[range | int, tuple[int, int, int, int]]) -> dict[int, _Form]:
    return {
        code: form for codes, form in table.items() for code in ([codes] if isinstance(codes, int) else codes)
    }


_UNARY: _Form = (_NUMBERS, 0, 1, 1)
_BINARY: _Form = (_NUMBERS, 0, 2, 1)

_PLAIN = _forms({
    0x01: (_NUMBERS, 0, 0, 0),
    0x0D: (_NUMBERS, 1, 1, 0),
    0x1A: (_NUMBERS, 0, 1, 0),
    0x1B: (_NUMBERS, 0, 3, 1),
    0x20: (_NUMBERS, 1, 0, 1), 0x21: (_NUMBERS, 1, 1, 0), 0x22: (_NUMBERS, 1, 1, 1),
    0x23: (_NUMBERS, 1, 0, 1), 0x24: (_NUMBERS, 1, 1, 0),
    0x25: (_NUMBERS, 1, 1, 1), 0x26: (_NUMBERS, 1, 2, 0),
    range(0x28, 0x36): (_ADDRESS, 0, 1, 1),
    range(0x36, 0x3F): (_ADDRESS, 0, 2, 0),
    0x3F: (_NUMBERS, 1, 0, 1), 0x40: (_NUMBERS, 1, 1, 1),
    _I32_CONST: (_NUMBERS, 1, 0, 1), _I64_CONST: (_NUMBERS, 1, 0, 1),
    0x43: (_BYTES, 4, 0, 1), 0x44: (_BYTES, 8, 0, 1),
    0x45: _UNARY, range(0x46, 0x50): _BINARY,
    0x50: _UNARY, range(0x51, 0x67): _BINARY,
    range(0x67, 0x6A): _UNARY, range(0x6A, 0x79): _BINARY,
    range(0x79, 0x7C): _UNARY, range(0x7C, 0x8B): _BINARY,
    range(0x8B, 0x92): _UNARY, range(0x92, 0x99): _BINARY,
    range(0x99, 0xA0): _UNARY, range(0xA0, 0xA7): _BINARY,
    range(0xA7, 0xC5): _UNARY,
    0xD1: _UNARY, 0xD3: _BINARY, 0xD4: _UNARY,
    0xD5: (_NUMBERS, 1, 1, 1), 0xD6: (_NUMBERS, 1, 1, 0),
})  # fmt: skip

_BULK = _forms({
    range(0, 8): _UNARY,
    8: (_NUMBERS, 2, 3, 0), 9: (_NUMBERS, 1, 0, 0), 10: (_NUMBERS, 2, 3, 0), 11: (_NUMBERS, 1, 3, 0),
    12: (_NUMBERS, 2, 3, 0), 13: (_NUMBERS, 1, 0, 0), 14: (_NUMBERS, 2, 3, 0),
    15: (_NUMBERS, 1, 2, 1), 16: (_NUMBERS, 1, 0, 1), 17: (_NUMBERS, 1, 3, 0),
    19: (_NUMBERS, 0, 4, 2), 20: (_NUMBERS, 0, 4, 2), 21: (_NUMBERS, 0, 2, 2), 22: (_NUMBERS, 0, 2, 2),
})  # fmt: skip

_LANE_READ: _Form = (_BYTES, 1, 1, 1)
_LANE_WRITTEN: _Form = (_BYTES, 1, 2, 1)
_VECTOR = _forms({
    # Those with two operands but for what follows.
    range(14, 256): _BINARY,
    range(0, 11): (_ADDRESS, 0, 1, 1), 11: (_ADDRESS, 0, 2, 0),
    12: (_BYTES, 16, 0, 1), 13: (_BYTES, 16, 2, 1),
    range(15, 21): _UNARY,
    range(21, 35): _LANE_READ,
    **dict.fromkeys((23, 26, 28, 30, 32, 34), _LANE_WRITTEN),
    77: _UNARY, 82: (_NUMBERS, 0, 3, 1), 83: _UNARY,
    range(84, 88): (_ADDRESS_AND_LANE, 0, 2, 1), range(88, 92): (_ADDRESS_AND_LANE, 0, 2, 0),
    range(92, 94): (_ADDRESS, 0, 1, 1),
    range(94, 101): _UNARY, range(103, 107): _UNARY, range(116, 118): _UNARY, 122: _UNARY,
    range(124, 130): _UNARY, range(131, 133): _UNARY, range(135, 139): _UNARY, 148: _UNARY,
    range(160, 162): _UNARY, range(163, 165): _UNARY, range(167, 171): _UNARY,
    range(192, 194): _UNARY, range(195, 197): _UNARY, range(199, 203): _UNARY,
    224: _UNARY, 225: _UNARY, 227: _UNARY, 236: _UNARY, 237: _UNARY, 239: _UNARY,
    range(248, 256): _UNARY,
})  # fmt: skip

_PREFIXED = {0xFC: _BULK, 0xFD: _VECTOR}


def read_body(
    data: bytes,
    at: int,
    end: int,
    types: list[tuple[int, int]],
    function_types: list[int],
    results: int,
) -> Body:
    """Read one body of the code section.

    Parameters
    ----------
    data : the code section's content; the body's bytes are ``at`` to ``end``, its size left out.
    types : (number of parameters, number of results) of each type.
    function_types : the type of each function.
    results : how many results this function has.

    Raises
    ------
    ModuleRefused : an instruction stands there that is not understood.
    """
    groups, at = leb128(data, at)
    declared = 0
    for _ in range(groups):
        count, at = leb128(data, at)
        declared += count
        at = skip_value_type(data, at)
    body = Body(at, end - 1, declared)
    plain = _PLAIN
    height = most = 0
    # Blocks around the instruction: values below it, its results, and what an ``else`` begins with.
    blocks: list[tuple[int, int, int]] = [(0, results, 0)]
    while blocks:
        code = data[at]
        at += 1
        form = plain.get(code)
        if form is None:
            match code:
                case 0x02 | 0x03 | 0x04:
                    (params, given), at = _block_type(data, at, types)
                    base = height - params - (code == _IF)
                    blocks.append((base, given, params))
                    height = base + params
                case 0x0B:
                    base, given, _params = blocks.pop()
                    height = base + given
                    most = max(most, height)
                    continue
                case 0x05:
                    base, _given, params = blocks[-1]
                    height = base + params
                    continue
                case 0x10:
                    index, at = leb128(data, at)
                    body.calls.add(index)
                    taken, given = types[function_types[index]]
                    body.widest = max(body.widest, taken + given)
                    height += given - taken
                case 0x11:
                    index, at = leb128(data, at)
                    _table, at = leb128(data, at)
                    body.indirect.add(index)
                    taken, given = types[index]
                    body.widest = max(body.widest, taken + given)
                    height += given - taken - 1
                case 0x14:
                    index, at = leb128(data, at)
                    body.calls_reference = True
                    taken, given = types[index]
                    body.widest = max(body.widest, taken + given)
                    height += given - taken - 1
                case 0x00 | 0x0F:
                    if code == _RETURN:
                        body.returns.append((at - 1, len(blocks) - 1))
                    height = blocks[-1][0]
                case 0x0C:
                    _label, at = leb128(data, at)
                    height = blocks[-1][0]
                case 0x0E:
                    count, at = leb128(data, at)
                    for _ in range(count + 1):
                        while data[at] >= 0x80:
                            at += 1
                        at += 1
                    height = blocks[-1][0]
                case 0xFC | 0xFD:
                    number, at = leb128(data, at)
                    form = _PREFIXED[code].get(number)
                    if form is None:
                        raise _unknown(code, number)
                case 0x1C:
                    count, at = leb128(data, at)
                    for _ in range(count):
                        at = skip_value_type(data, at)
                    height -= 2
                case 0xD0:
                    while data[at] >= 0x80:
                        at += 1
                    at += 1
                    height += 1
                case 0xD2:
                    index, at = leb128(data, at)
                    body.refers.add(index)
                    height += 1
                case _:
                    raise _unknown(code)
        if form is not None:
            kind, count, taken, given = form
            if kind == _NUMBERS:
                for _ in range(count):
                    while data[at] >= 0x80:
                        at += 1
                    at += 1
            elif kind == _BYTES:
                at += count
            else:
                align, at = leb128(data, at)
                if align & 0x40:
                    _memory, at = leb128(data, at)
                _offset, at = leb128(data, at)
                at += kind == _ADDRESS_AND_LANE
            height += given - taken
        # Behind a jump the stack is of any height: what is taken from below its block counts as nothing.
        height = max(height, blocks[-1][0])
        most = max(most, height)
    assert at == end, (at, end)
    body.height = most
    return body


def constant_expression(data: bytes, at: int, held: set[int]) -> int:
    """Read what a global, an offset or an element begins as; returns where the next thing begins.

    Functions that are referred to are added to ``held``.
    """
    while True:
        code = data[at]
        at += 1
        if code == _END:
            return at
        if code == _REF_FUNC:
            index, at = leb128(data, at)
            held.add(index)
            continue
        if code == 0xFD:
            number, at = leb128(data, at)
            if number != 12:
                raise _unknown(code, number)
            at += 16
            continue
        form = (_NUMBERS, 1, 0, 1) if code == _REF_NULL else _PLAIN.get(code)
        if form is None or form[0] not in (_NUMBERS, _BYTES):
            raise _unknown(code)
        if form[0] == _BYTES:
            at += form[1]
            continue
        for _ in range(form[1]):
            while data[at] >= 0x80:
                at += 1
            at += 1


def _unknown(code: int, number: int | None = None) -> ModuleRefused:
    shown = f"{code:02x}" if number is None else f"{code:02x} {number}"
    found = "a tail call" if code in _TAIL_CALLS else f"the instruction {shown}"
    return ModuleRefused(
        f"the module has {found}; allowed is WebAssembly 2.0 with SIMD, without tail calls: build it without"
    )


def _block_type(data: bytes, at: int, types: list[tuple[int, int]]) -> tuple[tuple[int, int], int]:
    """How many values a block takes and gives."""
    first = data[at]
    if first == 0x40:
        return (0, 0), at + 1
    if first < 0x40 or first >= 0x80:
        index, at = leb128(data, at)
        return types[index], at
    return (0, 1), skip_value_type(data, at)
