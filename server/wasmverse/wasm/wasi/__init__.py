"""WASI preview 1 as WebAssembly: the functions' types, their text, and what they share with the host.

All answers come from a `World`: the same world, the same bytes. Imports only what ``wasm`` imports.
"""
