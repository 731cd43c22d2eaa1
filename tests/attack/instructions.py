"""Instructions without immediates by the types that they take and give, and those of memory and of lanes.

Source: WebAssembly Core Specification 2.0, section 5.4.
"""

from __future__ import annotations

from tests.wasm.binary import leb128

I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F
NUMBERS = (I32, I64, F32, F64, V128)


def _codes(*ranges: tuple[int, int]) -> list[bytes]:
    return [bytes([code]) for first, last in ranges for code in range(first, last + 1)]


def _vector_codes(*ranges: tuple[int, int]) -> list[bytes]:
    return [b"\xfd" + leb128(code) for first, last in ranges for code in range(first, last + 1)]


# (types taken, type given) -> instructions without immediates.
OPERATIONS: list[tuple[tuple[int, ...], int, list[bytes]]] = [
    ((I32,), I32, _codes((0x45, 0x45), (0x67, 0x69), (0xC0, 0xC1))),
    ((I64,), I32, _codes((0x50, 0x50), (0xA7, 0xA7))),
    ((I32, I32), I32, _codes((0x46, 0x4F), (0x6A, 0x78))),
    ((I64, I64), I32, _codes((0x51, 0x5A))),
    ((F32, F32), I32, _codes((0x5B, 0x60))),
    ((F64, F64), I32, _codes((0x61, 0x66))),
    ((I64,), I64, _codes((0x79, 0x7B), (0xC2, 0xC4))),
    ((I64, I64), I64, _codes((0x7C, 0x8A))),
    ((I32,), I64, _codes((0xAC, 0xAD))),
    ((F32,), F32, _codes((0x8B, 0x91))),
    ((F32, F32), F32, _codes((0x92, 0x98))),
    ((F64,), F64, _codes((0x99, 0x9F))),
    ((F64, F64), F64, _codes((0xA0, 0xA6))),
    ((F32,), I32, [*_codes((0xA8, 0xA9), (0xBC, 0xBC)), b"\xfc\0", b"\xfc\1"]),
    ((F64,), I32, [*_codes((0xAA, 0xAB)), b"\xfc\2", b"\xfc\3"]),
    ((F32,), I64, [*_codes((0xAE, 0xAF)), b"\xfc\4", b"\xfc\5"]),
    ((F64,), I64, [*_codes((0xB0, 0xB1), (0xBD, 0xBD)), b"\xfc\6", b"\xfc\7"]),
    ((I32,), F32, _codes((0xB2, 0xB3), (0xBE, 0xBE))),
    ((I64,), F32, _codes((0xB4, 0xB5))),
    ((F64,), F32, _codes((0xB6, 0xB6))),
    ((I32,), F64, _codes((0xB7, 0xB8))),
    ((I64,), F64, _codes((0xB9, 0xBA), (0xBF, 0xBF))),
    ((F32,), F64, _codes((0xBB, 0xBB))),
    ((V128, V128), V128, _vector_codes((14, 14), (35, 76), (78, 81), (101, 102), (110, 115), (118, 121), (123, 123), (130, 130),
        (133, 134), (142, 147), (149, 153), (155, 159), (174, 174), (177, 177), (181, 186), (188, 191), (206, 206), (209, 209),
        (213, 223), (228, 235), (240, 247))),
    ((V128,), V128, _vector_codes((77, 77), (94, 98), (103, 106), (116, 117), (122, 122), (124, 129), (135, 138), (148, 148),
        (160, 161), (167, 170), (192, 193), (199, 202), (224, 225), (227, 227), (236, 237), (239, 239), (248, 255))),
    ((V128, V128, V128), V128, _vector_codes((82, 82))),
    ((V128,), I32, _vector_codes((83, 83), (99, 100), (131, 132), (163, 164), (195, 196))),
    ((V128, I32), V128, _vector_codes((107, 109), (139, 141), (171, 173), (203, 205))),
    ((I32,), V128, _vector_codes((15, 17))),
    ((I64,), V128, _vector_codes((18, 18))),
    ((F32,), V128, _vector_codes((19, 19))),
    ((F64,), V128, _vector_codes((20, 20))),
]  # fmt: skip

# Loads and stores: instruction, type, the largest alignment.
LOADS = [
    *((bytes([0x28 + k]), t, a) for k, (t, a) in enumerate([(I32, 2), (I64, 3), (F32, 2), (F64, 3), (I32, 0), (I32, 0), (I32, 1),
        (I32, 1), (I64, 0), (I64, 0), (I64, 1), (I64, 1), (I64, 2), (I64, 2)])),
    *((b"\xfd" + leb128(k), V128, a) for k, a in enumerate([4, 3, 3, 3, 3, 3, 3, 0, 1, 2, 3])),
    (b"\xfd\x5c", V128, 2), (b"\xfd\x5d", V128, 3),
]  # fmt: skip
STORES = [
    *((bytes([0x36 + k]), t, a) for k, (t, a) in enumerate([(I32, 2), (I64, 3), (F32, 2), (F64, 3), (I32, 0), (I32, 1), (I64, 0),
        (I64, 1), (I64, 2)])),
    (b"\xfd\x0b", V128, 4),
]  # fmt: skip
LANES = [  # instruction, number of lanes, type of a lane, whether it is put in
    (21, 16, I32, 0), (22, 16, I32, 0), (23, 16, I32, 1), (24, 8, I32, 0), (25, 8, I32, 0), (26, 8, I32, 1), (27, 4, I32, 0),
    (28, 4, I32, 1), (29, 2, I64, 0), (30, 2, I64, 1), (31, 4, F32, 0), (32, 4, F32, 1), (33, 2, F64, 0), (34, 2, F64, 1),
]  # fmt: skip
