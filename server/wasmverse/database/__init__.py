"""The schema and the embedded DuckDB file: read a turn, commit a turn.

Imports neither ``query`` nor ``api``.
"""
