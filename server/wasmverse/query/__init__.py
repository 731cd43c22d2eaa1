"""The gateway's side of queries: the pool of readers, whose query is next, room for results, the cache.

Runs no SQL itself. Imports ``snapshots`` and ``storage``'s schema; neither ``api`` nor FastAPI.
"""
