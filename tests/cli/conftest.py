"""The command line's clients are tested against the same real gateway as the API."""

from tests.api.conftest import gateway

__all__ = ["gateway"]
