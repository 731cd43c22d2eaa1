"""The simulation as pure functions over arrays: state, rules, random numbers, one turn.

Imports neither ``database``, ``query`` nor ``api``: arrays in, arrays out. docs/rules-detail.md is what it implements.

A turn: the blocks are played, each with its own systems only (block), a decision is made from their summaries (deal), each
block ends its turn by it (finish), and the arrays are joined (join); turn does this on threads.
"""
