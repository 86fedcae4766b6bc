"""Keep the rows of long packages in parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the rows of long packages in parts."""
    with op.batch_alter_table("package", schema=None) as batch_op:
        batch_op.alter_column("sealed", existing_type=sa.LargeBinary(), nullable=True)

    op.create_table(
        "package_part",
        sa.Column("package_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["package.id"], name=op.f("fk_package_part_package_id_package")),
        sa.PrimaryKeyConstraint("package_id", "number", name=op.f("pk_package_part")),
    )


def downgrade() -> None:
    """Undo it; a package that the older release could not open whole is gone."""
    op.execute("DELETE FROM package WHERE sealed IS NULL OR id IN (SELECT package_id FROM package_part)")
    op.drop_table("package_part")
    with op.batch_alter_table("package", schema=None) as batch_op:
        batch_op.alter_column("sealed", existing_type=sa.LargeBinary(), nullable=False)
