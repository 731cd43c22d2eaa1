"""The simulation as pure functions over arrays: state, rules, random numbers, one turn.

Imports ``strategies``, ``wasm``, ``errors`` and ``text``: arrays in, arrays out, no database. Implements docs/rules-detail.md.

A turn: the blocks are played, each with its own systems only (block), a decision is made from their summaries (deal), each
block ends its turn by it (finish), and the arrays are joined (join); turn does this on threads.
"""
