"""Strategies, one file a language: built with the real toolchain, then asked for plans."""
