"""Wasmverse: a living universe inside a database.

Data flows one way: ``universe`` and ``wasm`` are arrays in, arrays out and know no database;
``database`` and ``query`` know neither HTTP nor FastAPI; ``api`` is the only one that does. ``loop``, ``settings``,
``errors``, ``commands`` and ``cli`` join them.
"""

__version__: str


def __getattr__(name: str) -> str:
    """The version; looked up when it is asked for, because the readers' waiting processes keep what is loaded here."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("wasmverse")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
