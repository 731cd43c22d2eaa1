"""Live queries: `queries` runs each distinct one once a turn, `watch` says who is told what, `socket` is the WebSocket.

Imports what ``api`` may; only `socket` knows Starlette.
"""
