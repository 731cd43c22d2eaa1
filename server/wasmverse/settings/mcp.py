"""What programs that reason may use: /mcp."""

from __future__ import annotations

from pydantic import Field

from wasmverse.settings.group import Group


class McpSettings(Group):
    """Whether tools are served to programs, and the limits of duels that the server plays for them."""

    is_mcp_served: bool = Field(
        True,
        description="Whether tools for programs that reason are served at `/mcp`, to who may use the routes behind them.",
    )
    duel_turns_max: int = Field(600, ge=1, description="Turns of a duel that the server plays for a client.")
    duel_seconds_max: float = Field(20.0, gt=0, description="Time for such a duel, in seconds.")
