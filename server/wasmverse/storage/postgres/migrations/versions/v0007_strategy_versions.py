"""The modules of strategies that were replaced."""

from __future__ import annotations

from alembic import context, op

revision = "0007"
down_revision = "0006"

COORDINATOR = (
    """CREATE TABLE strategy_version (
    strategy TEXT NOT NULL,
    version BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    language TEXT NOT NULL,
    author TEXT NOT NULL,
    budget_fuel BIGINT,
    uploaded_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    replaced_tid BIGINT NOT NULL,
    PRIMARY KEY (strategy, version)
)""",
    "COMMENT ON TABLE strategy_version IS 'The last versions of strategies that were replaced, as far as "
    "they are kept: `wasmverse strategy rollback` uploads one again. replaced_tid is the last turn in which "
    "it flew.'",
    """CREATE TABLE strategy_version_module (
    sha256 TEXT NOT NULL,
    module BYTEA NOT NULL,
    PRIMARY KEY (sha256)
)""",
    "COMMENT ON TABLE strategy_version_module IS 'The modules of replaced versions, by the hash of their "
    "bytes. Never shown to clients.'",
    "ALTER TABLE strategy_version_module ALTER module SET STORAGE EXTERNAL",
)


def upgrade() -> None:
    """Make room for them; the first is kept at the next upload."""
    if context.config.attributes["is_coordinator"]:
        for statement in COORDINATOR:
            op.execute(statement)
