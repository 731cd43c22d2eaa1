"""Where a universe is kept: the schema that every engine shows, and the engines, a room each.

Imports ``universe`` and what ``strategies`` says of names and exports, and neither ``query``, ``reader`` nor ``api``.
"""
