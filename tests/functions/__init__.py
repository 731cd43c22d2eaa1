"""Tests of Wasm functions of SQL."""
