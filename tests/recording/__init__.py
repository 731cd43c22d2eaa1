"""Tests of recorded runs: what is written down, what is read, and that a replay comes out the same."""
