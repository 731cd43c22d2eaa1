"""Tests of the process in which one upload is checked."""
