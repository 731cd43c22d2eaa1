"""Typed Python: a strategy's file compiled to a WebAssembly module of about a kilobyte, as fast as one of C.

``python -m wasmverse.typed_python FILE -o MODULE``. In order: ``source`` runs the file and finds what cannot be compiled in the
functions that are needed; ``target`` compiles them with numba and LLVM; ``linker`` makes a module of LLVM's object file;
``compiler`` does all three. ``sight`` is how compiled code knows what a ship sees; ``explain`` turns numba's errors into lines.

May import ``pilot``, whose functions are compiled with the strategy's, and ``errors``. Nothing is installed for it: numba, which
compiles the rules of a turn, brings LLVM.
"""
