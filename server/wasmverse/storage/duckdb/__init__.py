"""The embedded store: one DuckDB file, one transaction a turn.

Imports what ``storage`` may. Nobody but the command line and the process entry points needs to know that it is DuckDB.
"""
