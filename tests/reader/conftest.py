"""Readers are tested behind the pool that starts them, as they are used."""

from tests.query.conftest import pool

__all__ = ["pool"]
