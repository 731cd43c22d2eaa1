"""Where a universe is kept: the schema that every engine shows, and the engines, a room each.

Imports ``universe`` and neither ``query``, ``reader`` nor ``api``.
"""
