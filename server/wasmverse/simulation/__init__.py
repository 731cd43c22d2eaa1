"""What every engine needs to move a universe on: who flies, what commands mean, who is grounded, what turns cost.

Imports ``strategies``, ``universe`` and ``wasm``, and knows no database: stores are built of it (``storage``).
"""
