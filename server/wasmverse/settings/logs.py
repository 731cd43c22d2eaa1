"""What the server writes of what happens: its log, and the record of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from wasmverse.settings.group import Group


class LogSettings(Group):
    """The log on standard error, and the audit of commands."""

    log_format: Literal["text", "json"] = Field(
        "text", description="How lines of the log are written: for people, or an object of JSON each."
    )
    access_log: bool = Field(
        False, description="Whether the log has a line for each request, without what it asks."
    )
    audit_path: Path | None = Field(
        None,
        description="File in which commands are written down; by default beside the universe's file, of a database nowhere.",
    )
    audit_bytes_max: int = Field(
        16 << 20,
        ge=0,
        description="Size at which the audit's file is put aside as `.1`, in place of an older one, in bytes; 0 writes none.",
    )
