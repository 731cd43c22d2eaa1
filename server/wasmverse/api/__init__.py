"""HTTP and WebSocket with FastAPI: data API, live queries, strategies, health, the page. No game logic.

``app.create_app`` joins the parts; ``server`` listens. Nothing else in Wasmverse imports this package.
"""
