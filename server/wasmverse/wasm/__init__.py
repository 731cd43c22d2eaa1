"""Guests: check a module, generate the driver from its WIT signature, run it over rows.

Imports neither ``universe``, ``database``, ``query`` nor ``api``: columns in, columns out.
"""
