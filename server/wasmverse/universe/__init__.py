"""The simulation as pure functions over arrays: state, rules, random numbers, one turn.

Imports neither ``database``, ``query`` nor ``api``: arrays in, arrays out. docs/rules-detail.md is what it implements.
"""
