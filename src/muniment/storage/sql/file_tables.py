"""The schema of files outside of versions.

    workspaces ──< files >── blobs

A file holds its blob: who forgets a blob has made sure that no file names it. Paths stand in the
order of their code points, so that a folder is one range of the primary key: everything from
`folder/` up to `folder0`, for 0 is what follows the slash.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
)

from muniment.storage.sql.tables import TEXT, metadata

_Id = BigInteger().with_variant(Integer(), "sqlite")

files = Table(
    "files",
    metadata,
    Column("workspace_id", _Id, ForeignKey("workspaces.id"), nullable=False),
    Column("path", TEXT, nullable=False),
    Column("blob_id", _Id, ForeignKey("blobs.id"), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", TEXT, nullable=False),
    PrimaryKeyConstraint("workspace_id", "path"),
    sqlite_with_rowid=False,
)
Index("files_by_blob", files.c.blob_id, files.c.workspace_id)
