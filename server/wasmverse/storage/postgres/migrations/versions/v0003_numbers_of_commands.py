"""A block also has the number of the last command that changed it: counts of several blocks can agree by chance."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the number, 0 for all commands before: what counts is that it is not above that of the last one."""
    op.execute("ALTER TABLE place ADD last_spawn BIGINT DEFAULT '0' NOT NULL")
    op.execute(
        "COMMENT ON TABLE place IS 'The blocks that are here, the relation that has their rows, the turn that these are of, how "
        "many commands have changed them, and the number of the last one, counted over all blocks.'"
    )
