"""The hour before: what is kept of past turns, and how one of them is played again from the keyframe before it.

Imports ``recording`` (limits, checks), ``simulation``, ``snapshots``, ``strategies``, ``universe`` and ``wasm``; no SQL.
"""
