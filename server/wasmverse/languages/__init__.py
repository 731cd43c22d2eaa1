"""Languages that strategies are written in: the table of them, finding compilers, building modules, new projects.

``languages.toml`` has what differs from language to language; ``table`` reads it, ``compilers`` finds what is installed,
``build`` runs it, ``complaints`` reads what it says, ``producers`` writes into a module what made it, ``project`` makes a new
one, ``flown`` asks a built strategy for plans.

May import ``wasm`` and ``strategies``, which know what a module must be, ``pilot``, and plain values. A compiler is a program
that is run, also Wasmverse's own for Python.
"""
