"""SQL for clients: publish and attach snapshots, readers and their pool, checks, dialects.

Imports neither ``api`` nor FastAPI.
"""
