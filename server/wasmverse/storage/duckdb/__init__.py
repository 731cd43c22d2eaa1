"""The embedded engine: one DuckDB file, one transaction a turn.

Imports what ``storage`` may. Nobody but ``simulation`` and the command line needs to know that it is DuckDB.
"""
