"""The confined process that runs clients' SQL: what may be asked, how it is run, how the answer is encoded.

`process` is its entry point, `engine` answers a query. Imports ``snapshots``, ``wasm``, the names of ``chronicle``, the
contract of ``strategies`` and ``query``'s plain values; neither settings nor ``api`` nor FastAPI.
"""
