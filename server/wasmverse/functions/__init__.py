"""Wasm functions of SQL: what one is, its types in SQL, its grammar, its check, how it is run over rows.

Imports ``wasm``, ``settings`` and ``confinement``; nothing that knows a database.
"""
