"""Linear memory as compiled code sees it: arrays at addresses, and room that is taken from the end.

Room is taken in order and given back all at once: what a kernel allocates is free again when the exported function that called
it takes the room back. So there is nothing to count references for, and numba's calls for that do nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from wasmverse.typed_python.linker import HEAP

_WORD = ir.IntType(64)


def _word_function(name: str) -> Callable[[int], int]:
    """A function of `RUNTIME` from one 64-bit word to another."""

    def call(typing: Any, value: Any) -> Any:
        def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
            signature = ir.FunctionType(_WORD, [_WORD])
            function = cgutils.get_or_insert_function(builder.module, signature, f"wasmverse_{name}")  # type: ignore[no-untyped-call]
            return builder.call(function, args)

        return types.int64(types.int64), lower

    call.__name__ = name
    return cast("Callable[[int], int]", intrinsic(call))


take = _word_function("take")
"""Room for so many bytes, which begins at an address that 64 divides; its content is undefined."""

give_back = _word_function("give_back")
"""Give back all room from this address on; 0 gives back nothing. Returns where the room that is taken ended before."""


def _pointer(typing: Any, address: Any) -> Any:
    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), lower


pointer = cast("Callable[[int], Any]", intrinsic(_pointer))
"""An address as what ``carray`` wants."""

PRODUCT = "__multi3"
"""What LLVM calls to multiply numbers of 128 bits, where it checks that the size of an array does not overflow.
Not optimised: LLVM would recognise what it does, and have it call itself."""

RUNTIME = f"""
@{HEAP} = external global i8
@wasmverse_top = internal global i32 0
declare i32 @llvm.wasm.memory.size.i32(i32)
declare i32 @llvm.wasm.memory.grow.i32(i32, i32)
declare void @llvm.trap()

define i64 @wasmverse_give_back(i64 %from) {{
  %top = load i32, ptr @wasmverse_top
  %is_new = icmp eq i32 %top, 0
  %heap = ptrtoint ptr @{HEAP} to i32
  %was = select i1 %is_new, i32 %heap, i32 %top
  %keep = icmp eq i64 %from, 0
  %less = trunc i64 %from to i32
  %now = select i1 %keep, i32 %was, i32 %less
  store i32 %now, ptr @wasmverse_top
  %result = zext i32 %was to i64
  ret i64 %result
}}

define i64 @wasmverse_take(i64 %bytes) {{
  %was = call i64 @wasmverse_give_back(i64 0)
  %padded = add i64 %was, 63
  %begin = and i64 %padded, -64
  %end = add i64 %begin, %bytes
  %last = add i64 %end, 65535
  %needed = lshr i64 %last, 16
  %pages = call i32 @llvm.wasm.memory.size.i32(i32 0)
  %have = zext i32 %pages to i64
  %short = icmp ugt i64 %needed, %have
  br i1 %short, label %grow, label %done
grow:
  %missing = sub i64 %needed, %have
  %is_vast = icmp ugt i64 %missing, 65536
  br i1 %is_vast, label %trap, label %ask
ask:
  %more = trunc i64 %missing to i32
  %before = call i32 @llvm.wasm.memory.grow.i32(i32 0, i32 %more)
  %failed = icmp eq i32 %before, -1
  br i1 %failed, label %trap, label %done
trap:
  call void @llvm.trap()
  unreachable
done:
  %top = trunc i64 %end to i32
  store i32 %top, ptr @wasmverse_top
  ret i64 %begin
}}

define ptr @NRT_MemInfo_alloc_aligned(i64 %bytes, i32 %align) {{
  %all = add i64 %bytes, 64
  %begin = call i64 @wasmverse_take(i64 %all)
  %short = trunc i64 %begin to i32
  %information = inttoptr i32 %short to ptr
  %data_at = add i32 %short, 64
  %data = inttoptr i32 %data_at to ptr
  %field = getelementptr {{i64, ptr, ptr, ptr, i64}}, ptr %information, i32 0, i32 3
  store ptr %data, ptr %field
  ret ptr %information
}}

define ptr @NRT_MemInfo_data_fast(ptr %information) {{
  %field = getelementptr {{i64, ptr, ptr, ptr, i64}}, ptr %information, i32 0, i32 3
  %data = load ptr, ptr %field
  ret ptr %data
}}

define void @NRT_incref(ptr %information) {{
  ret void
}}

define void @NRT_decref(ptr %information) {{
  ret void
}}

define void @{PRODUCT}(ptr %to, i64 %a, i64 %a_high, i64 %b, i64 %b_high) noinline optnone {{
  %a0 = and i64 %a, 4294967295
  %a1 = lshr i64 %a, 32
  %b0 = and i64 %b, 4294967295
  %b1 = lshr i64 %b, 32
  %p00 = mul i64 %a0, %b0
  %p01 = mul i64 %a0, %b1
  %p10 = mul i64 %a1, %b0
  %p11 = mul i64 %a1, %b1
  %carry0 = lshr i64 %p00, 32
  %middle = add i64 %p10, %carry0
  %middle0 = and i64 %middle, 4294967295
  %middle1 = lshr i64 %middle, 32
  %sum = add i64 %middle0, %p01
  %carry1 = lshr i64 %sum, 32
  %high0 = add i64 %p11, %middle1
  %high1 = add i64 %high0, %carry1
  %cross0 = mul i64 %a, %b_high
  %cross1 = mul i64 %a_high, %b
  %cross = add i64 %cross0, %cross1
  %high = add i64 %high1, %cross
  %low = mul i64 %a, %b
  store i64 %low, ptr %to
  %above = getelementptr i64, ptr %to, i32 1
  store i64 %high, ptr %above
  ret void
}}
"""
"""What numba's compiled code calls for memory, in LLVM's text: of numba's record of an allocation only the address of the data
is used (numba/core/runtime/nrt.cpp, ``struct MemInfo``). Room that cannot be had is a trap."""
