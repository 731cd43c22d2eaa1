"""The oracle: the rules of a turn a second time, as plain SQL statements over DuckDB tables.

Written from docs/rules-detail.md alone, so it shares no code with the package: what the kernels and the
oracle both say is then very likely what the rules say. `turn.sql` is laid out step by step, to be read
beside the rules; `oracle.py` runs it, for many universes at once. Only tests import from here, and nothing of wasmverse
is imported here.
"""
