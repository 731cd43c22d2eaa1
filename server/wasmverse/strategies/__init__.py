"""What a strategy is: its contract, its trial at the upload, the roster that plays a turn.

Imports ``wasm``; nothing that knows a database.
"""
