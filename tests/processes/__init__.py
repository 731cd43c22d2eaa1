"""Tests of the real server as a process: how it ends, and what it survives."""
