"""Wasmverse: a living universe inside a database.

Each folder is a room; its first lines say what it does and which rooms it may import. Data flows one way: ``universe`` and
``wasm`` take arrays and return arrays, and know no database; ``storage`` keeps a universe; ``query`` and ``reader`` answer
SQL and know nothing of HTTP, which is ``api``'s; ``processes`` and ``cli`` join the parts. tests/test_architecture.py holds
them to that.
"""

__version__: str


def __getattr__(name: str) -> str:
    """The version, looked up only when it is asked for, because the processes that wait for readers keep in memory what is
    loaded here."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("wasmverse")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
