"""What all groups of settings have in common."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ByteSize, TypeAdapter, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

G = TypeVar("G", bound="Group")
SIZE = TypeAdapter(ByteSize)


class Group(BaseSettings):
    """A group of settings, each read from the environment as ``WASMVERSE_<NAME>``; it does not change.

    Its validator is made when it is first needed: most groups are used only as parts of `Settings`.
    """

    model_config = SettingsConfigDict(env_prefix="WASMVERSE_", frozen=True, extra="forbid", defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _bytes_of_size(cls, value: Any, info: ValidationInfo) -> Any:
        """Sizes may be written as people do: ``64MiB``, ``1GB``; MiB is 2^20 bytes, MB 10^6."""
        if not isinstance(value, str) or "_bytes" not in (info.field_name or "") or value.strip().isdigit():
            return value
        try:
            return int(SIZE.validate_python(value))
        except ValidationError:
            raise ValueError("a number of bytes, such as 1048576, 64MiB or 1GB") from None

    def part(self, group: type[G]) -> G:
        """The settings of one of the groups that this one is made of, and no others: for another process."""
        return group(**{name: getattr(self, name) for name in group.model_fields})
