"""Tests of guests: signatures, the driver, runs with faults, checks of uploads."""
