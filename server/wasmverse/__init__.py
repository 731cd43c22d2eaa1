"""Wasmverse: a living universe inside a database.

Data flows one way: ``universe`` and ``wasm`` are arrays in, arrays out and know no database;
``database`` and ``query`` know neither HTTP nor FastAPI; ``api`` is the only one that does. ``loop``, ``settings``,
``errors``, ``commands`` and ``cli`` join them.
"""

from importlib.metadata import version

__version__ = version("wasmverse")
