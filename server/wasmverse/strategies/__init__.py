"""What a strategy is: its contract and name, its inspection and trial at the upload, the guests and the roster of a turn.

Imports ``wasm``, ``settings`` and ``confinement``; nothing that knows a database.
"""
