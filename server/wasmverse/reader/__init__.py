"""The process that runs clients' SQL, closed in: what may be asked, how it is run, how the answer is written.

`process` is its beginning and `engine` its middle. Imports ``snapshots``, ``wasm``, the contract of ``strategies`` and
``query``'s plain values; neither settings nor ``api`` nor FastAPI.
"""
