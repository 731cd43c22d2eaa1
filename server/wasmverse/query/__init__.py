"""The gateway's side of queries: the pool of readers, whose query is next, room for results, the cache.

Others come in by `service` (ask) and `query` (what is asked); a reader by `wire`. Runs no SQL itself. Imports ``snapshots`` and
``storage``'s schema; neither ``api`` nor FastAPI.
"""
