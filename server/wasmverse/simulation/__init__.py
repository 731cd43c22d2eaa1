"""A universe that can be moved on: turns, commands, who is grounded; without a clock and without clients.

Imports ``storage``, ``strategies``, ``universe`` and ``wasm``; neither ``query``, ``reader`` nor ``api``.
"""
