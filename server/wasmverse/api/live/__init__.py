"""Live queries: each distinct one runs once a turn, however many sockets watch it.

Imports what ``api`` may.
"""
