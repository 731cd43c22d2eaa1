"""SQL for clients: publish and attach snapshots, readers and their pool, checks, dialects.

The gateway's side is ``pool`` (and ``worker``, ``wire``); a reader process's side is ``reader`` (and
``relations``, ``statement``, ``dialect``, ``encode``). Imports neither ``api`` nor FastAPI.
"""
