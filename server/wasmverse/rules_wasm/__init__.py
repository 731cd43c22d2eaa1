"""The rules of a turn as one WebAssembly module without imports, so that a browser can play a duel by them.

``python -m wasmverse.rules_wasm -o MODULE``. In order: ``turn`` has what the module exports, around the kernels of
``universe``; ``memory`` is how compiled code uses linear memory; ``compiler`` compiles both for wasm32. The layout of the memory
is written in docs/abi.md ("The rules as a module").

May import ``universe`` and ``typed_python``, whose compiler and linker it uses. Only the build runs it.
"""
