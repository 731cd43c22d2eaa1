"""Tests of the universe file: opening it, reading a turn, committing a turn."""
