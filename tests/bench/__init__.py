"""Benchmarks: `make bench` runs them and writes docs/benchmarks/turns.md. What the numbers leave out: README.md here."""
