"""Components: what is in one, how it is compiled in parts, and how its functions are run over rows.

The bytes are a stranger's: they are read with every number checked, and refused with a reason.
Imports only what ``wasm`` imports.
"""
