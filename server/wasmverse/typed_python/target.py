"""A target of numba: the same Python that it compiles for this machine, compiled for wasm32 by LLVM.

numba's CPU target with another triple, and without what only works inside this process: no engine that runs machine code, no
wrappers to be called from Python; and memory from a heap only for who brings an allocator (`compile_function`).

Plain Python functions are compiled without a decorator: `_Typing` makes a dispatcher of each when it is first called. One that is
a kernel, compiled for this machine already, is compiled once more for this target.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import callconv, cgutils, codegen, cpu, types, typing
from numba.core.compiler import CompileResult, Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.decorators import jit
from numba.core.descriptors import TargetDescriptor
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from numba.core.target_extension import (
    CPU,
    dispatcher_registry,
    jit_registry,
    target_override,
    target_registry,
)

import wasmverse

NAME = "wasm32"
TRIPLE = "wasm32-unknown-unknown"
FEATURES = "+bulk-memory,+mutable-globals,+sign-ext,+nontrapping-fptoint"
"""What every engine of WebAssembly 2.0 has."""

WASI = "wasi_snapshot_preview1"
_TEXT_MAX = 250
_NOT_OWN = (Path(numba.__file__).parent, Path(wasmverse.__file__).parent)
_TELL = "wasmverse_tell"
_TELLING = f"""
declare i32 @fd_write(i32, i32, i32, i32) #0
declare void @llvm.trap()

define void @{_TELL}(ptr %what) {{
  %at = ptrtoint ptr %what to i32
  %written = add i32 %at, 16
  %ignored = call i32 @fd_write(i32 2, i32 %at, i32 1, i32 %written)
  call void @llvm.trap()
  unreachable
}}

attributes #0 = {{ "wasm-import-module"="{WASI}" "wasm-import-name"="fd_write" }}
"""
"""Prints a text, whose address and length are the first two words of ``what``, and traps."""

_UNRESOLVED = codegen.RuntimeLinker.PREFIX


class Wasm32(CPU):
    """The target's place among numba's: what is defined for the CPU is for this one too."""


class _Library(codegen.AOTCodeLibrary):
    def _finalize_specific(self) -> None:
        """Say where functions that call themselves are; numba leaves that to the engine that would run them."""
        for variable in list(self._final_module.global_variables):
            if variable.is_declaration and variable.name.startswith(_UNRESOLVED):
                called = variable.name.removeprefix(_UNRESOLVED)
                text = (
                    f'@"{variable.name}" = linkonce_odr constant ptr @"{called}"\ndeclare i32 @"{called}"()\n'
                )
                self._final_module.link_in(llvm.parse_assembly(f'target triple = "{TRIPLE}"\n{text}'))


class _Codegen(codegen.CPUCodegen):
    _library_class = _Library

    def _init(self, llvm_module: llvm.ModuleRef) -> None:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        self._tm = llvm.Target.from_triple(TRIPLE).create_target_machine(
            cpu="generic", features=FEATURES, opt=2
        )
        self._tm_features = FEATURES
        self._engine = None
        self._target_data = self._tm.target_data
        self._data_layout = str(self._target_data)
        self._loopvect = False
        self._opt_level = 0

    @property
    def target_data(self) -> llvm.TargetData:
        return self._target_data

    def _create_empty_module(self, name: str) -> ir.Module:
        module = super()._create_empty_module(name)
        module.triple = TRIPLE
        return module

    def _pass_builder(self, **options: Any) -> llvm.PassBuilder:
        return super()._pass_builder(**{**options, "loop_vectorize": False, "slp_vectorize": False})

    def _add_module(self, module: llvm.ModuleRef) -> None:
        """Nothing: it is not run here."""


class _Raising(callconv.CPUCallConv):
    """What is raised is told by its text, where numba would keep Python's objects, pickled."""

    def set_static_user_exc(
        self, builder: Any, exc: Any, exc_args: Any = None, loc: Any = None, func_name: str | None = None
    ) -> None:
        told = raised(exc, exc_args or (), loc).encode()
        module = builder.module
        text = cgutils.global_constant(module, ".raised", cgutils.make_bytearray(told))
        kind = callconv.excinfo_t
        nothing = [each(None) if isinstance(each, ir.PointerType) else each(0) for each in kind.elements[2:]]
        start = ir.Constant(kind.elements[0], None) if not told else text.bitcast(kind.elements[0])
        # Not constant: WASI writes into its last word how much it has taken.
        what = ir.GlobalVariable(module, kind, module.get_unique_name(".raising"))
        what.linkage = "internal"
        what.initializer = ir.Constant(kind, [start, kind.elements[1](len(told)), *nothing])
        store = builder.store(what, self._get_excinfo_argument(builder.function))
        store.set_metadata("numba_exception_output", module.add_metadata([ir.IntType(1)(1)]))


def raised(exc: type[BaseException] | None, values: tuple[Any, ...], loc: Any) -> str:
    """The text of an exception: its name, what it says, and the place, if that is in a strategy's own file."""
    told = "an exception" if exc is None else exc.__name__
    if values:
        told += f": {', '.join(map(str, values))}"
    is_own = loc is not None and loc.filename and not any(map(Path(loc.filename).is_relative_to, _NOT_OWN))
    place = f" at {Path(loc.filename).name}:{loc.line}" if is_own else ""
    return (told[: max(0, _TEXT_MAX - len(place))] + place)[:_TEXT_MAX]


class _Context(cpu.CPUContext):
    @cached_property
    def call_conv(self) -> _Raising:
        return _Raising(self)

    def init(self) -> None:
        self.is32bit = False  # integers have 64 bits, also where addresses have 32
        self._internal_codegen = _Codegen("wasmverse")

    def load_additional_registries(self) -> None:
        # The runtime is one for the process, and is made for the first context that asks: that must be this machine's.
        rtsys.initialize(cpu_target.target_context)
        super().load_additional_registries()

    def post_lowering(self, mod: ir.Module, library: codegen.CodeLibrary) -> None:
        """Nothing: the runtime, which the CPU target links here, is machine code's."""

    def create_cpython_wrapper(self, *_args: Any, **_options: Any) -> None:
        """None: nobody calls this from Python."""

    def create_cfunc_wrapper(self, *_args: Any, **_options: Any) -> None:
        """None: `export` writes its own."""

    def get_executable(self, library: codegen.CodeLibrary, fndesc: Any, env: Any) -> object:
        """It cannot be run here; but numba tells functions apart by this, so each has one of its own."""
        return object()


class _Typing(typing.Context):
    """Knows plain functions, those of the strategy's own file and of the helpers, and kernels.

    has_heap is whether what is compiled may allocate.
    """

    def __init__(self) -> None:
        super().__init__()
        self.has_heap = False
        self._dispatchers: dict[tuple[FunctionType, bool], Any] = {}

    def resolve_value_type(self, val: Any) -> Any:
        if isinstance(val, Dispatcher) and not isinstance(val, _Dispatcher):
            val = val.py_func
        if isinstance(val, FunctionType):
            known = self._lookup_global(val)
            return known if known is not None else types.Dispatcher(self.dispatcher(val))
        return super().resolve_value_type(val)

    def dispatcher(self, function: FunctionType) -> Any:
        """What compiles a plain function for the types that it is called with."""
        key = function, self.has_heap
        if key not in self._dispatchers:
            self._dispatchers[key] = compiled(function)
        return self._dispatchers[key]


class _Target(TargetDescriptor):
    options = cpu.CPUTargetOptions

    @cached_property
    def typing_context(self) -> _Typing:
        return _Typing()

    @cached_property
    def target_context(self) -> _Context:
        return _Context(self.typing_context, NAME)


_target = _Target(NAME)


class _Dispatcher(Dispatcher):
    targetdescr = _target

    def compile(self, sig: Any) -> Any:
        with target_override(NAME):
            return super().compile(sig)

    def add_overload(self, cres: CompileResult) -> None:
        """Note what was compiled; there is nothing that Python could call."""
        self.overloads[tuple(cres.signature.args)] = cres


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """numba's ``jit`` for this target."""
    options.pop("no_cpython_wrapper", None)
    return jit(function, _target=NAME, _nrt=_target.typing_context.has_heap, error_model="python", **options)


@cache
def register() -> None:
    """Make the target known to numba; once a process."""
    target_registry[NAME] = Wasm32
    dispatcher_registry[Wasm32] = _Dispatcher
    jit_registry[Wasm32] = compiled


def compile_function(
    function: FunctionType, arguments: tuple[Any, ...], *, has_heap: bool = False
) -> CompileResult:
    """A plain function compiled for given numba types, whatever it returns.

    Parameters
    ----------
    has_heap : it may allocate arrays; who exports it gives numba's functions for that as ``more``.

    Raises
    ------
    NumbaError : it does something that cannot be compiled.
    """
    register()
    flags = Flags()
    flags.nrt = has_heap
    flags.error_model = "python"
    flags.no_cpython_wrapper = True
    flags.no_cfunc_wrapper = True
    _target.typing_context.has_heap = has_heap
    with target_override(NAME):
        return compile_extra(
            _target.typing_context, _target.target_context, function, arguments, None, flags, {}
        )


def returned(result: CompileResult) -> str:
    """numba's name for the type of what a compiled function returns."""
    return str(result.signature.return_type)


@global_compiler_lock
def export(result: CompileResult, name: str, core: ir.FunctionType, more: str) -> bytes:
    """An object file with one function that is called from outside. Where the Python function raises, it prints that by WASI's
    ``fd_write`` to standard error, and traps; which is not imported if it cannot raise.

    Parameters
    ----------
    result : of `compile_function`.
    name, core : of the exported function; its parameters are those of the compiled one, in LLVM's types.
    more : LLVM's text of further functions to export with it.
    """
    kept = {function.name for function in llvm.parse_assembly(more).functions if not function.is_declaration}
    return export_all({name: (result, core)}, more, kept, tells=True)


@global_compiler_lock
def export_all(
    functions: Mapping[str, tuple[CompileResult, ir.FunctionType]],
    more: str,
    kept: Collection[str] = (),
    *,
    tells: bool = False,
) -> bytes:
    """As `export`, of several functions; of those of ``more`` the ``kept`` ones are exported too.

    ``tells`` : whether what is raised is printed; else it is only a trap.
    """
    context = next(iter(functions.values()))[0].target_context
    module = llvm.parse_assembly(f'target triple = "{TRIPLE}"\n' + more)
    if tells:
        module.link_in(llvm.parse_assembly(f'target triple = "{TRIPLE}"\n' + _TELLING))
    for name, (result, core) in functions.items():
        module.link_in(llvm.parse_bitcode(result.library.emit_bitcode()))
        module.link_in(llvm.parse_assembly(str(_wrapper(context, result, name, core, tells))))
    for function in module.functions:
        if not function.is_declaration and function.name not in {*functions, *kept}:
            function.linkage = llvm.Linkage.internal
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = llvm.Linkage.internal
    machine = context.codegen()._tm
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_vectorization = tuning.slp_vectorization = tuning.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


def _wrapper(context: Any, result: CompileResult, name: str, core: ir.FunctionType, tells: bool) -> ir.Module:
    """The exported function: calls the compiled one by numba's convention and hands back what it returns."""
    module = context.create_module("wrapper")
    described = result.fndesc
    convention = context.call_conv
    called = ir.Function(
        module, convention.get_function_type(described.restype, described.argtypes), described.llvm_func_name
    )
    called.attributes.add("alwaysinline")
    function = ir.Function(module, core, name)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    status, value = convention.call_function(
        builder, called, described.restype, described.argtypes, function.args
    )
    if tells:
        with builder.if_then(status.is_user_exc, likely=False):
            kind = ir.FunctionType(ir.VoidType(), (callconv.excinfo_ptr_t,))
            builder.call(ir.Function(module, kind, _TELL), (status.excinfoptr,))
            builder.unreachable()
    with builder.if_then(status.is_error, likely=False):
        builder.call(ir.Function(module, ir.FunctionType(ir.VoidType(), ()), "llvm.trap"), ())
        builder.unreachable()
    if isinstance(core.return_type, ir.VoidType):
        builder.ret_void()
    else:
        builder.ret(value)
    return module
