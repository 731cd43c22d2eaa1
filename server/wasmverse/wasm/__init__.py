"""Guests of any kind: WIT's types and the Canonical ABI, what is in a module, the generated driver, runs over rows.

It knows no strategy and touches nothing global when it is imported: columns in, columns out. Imports only plain modules.
"""
