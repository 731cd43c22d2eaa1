"""HTTP and WebSocket with FastAPI: data API, live queries, strategies, health. No game logic.
"""
