"""Where a universe is kept: what every store does (``universe_store``), the schema that all show, and the engines, a room each.

Imports ``simulation``, ``strategies`` and ``universe``, and neither ``query``, ``reader`` nor ``api``.
"""
