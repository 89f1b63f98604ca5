"""The first table: analyses, waiting and done."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "analyses",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("detectors", sa.JSON, nullable=False),
        sa.Column("salvage", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("started", sa.Float(53)),
        sa.Column("finished", sa.Float(53)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(64)),
        sa.Column("lease", sa.Float(53)),
        sa.Column("verdict", sa.String(32)),
        sa.Column("score", sa.Float(53)),
        sa.Column("error", sa.Text),
        sa.Column("record", sa.JSON),
    )
    op.create_index("analyses_queue", "analyses", ["status", "created"])
    op.create_index("analyses_history", "analyses", ["created"])


def downgrade() -> None:
    """Drop it, and every analysis with it."""
    op.drop_table("analyses")
