"""What all groups of settings have in common."""

from __future__ import annotations

from typing import TypeVar

from pydantic_settings import BaseSettings, SettingsConfigDict

G = TypeVar("G", bound="Group")


class Group(BaseSettings):
    """A group of settings, each read from the environment as ``WASMVERSE_<NAME>``; it does not change.

    Its validator is made when it is first needed: most groups are used only as parts of `Settings`.
    """

    model_config = SettingsConfigDict(env_prefix="WASMVERSE_", frozen=True, extra="forbid", defer_build=True)

    def part(self, group: type[G]) -> G:
        """The settings of one of the groups that this one is made of, and no others: for another process."""
        return group(**{name: getattr(self, name) for name in group.model_fields})
