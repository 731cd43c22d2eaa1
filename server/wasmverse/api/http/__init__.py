"""HTTP and WebSocket before any route: connections and their limits, origins, addresses, what a client accepts.

Imports what ``api`` may.
"""
