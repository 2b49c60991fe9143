"""Files outside of versions: put, found, listed and removed by path.

"a/b" and what is below it     path = 'a/b'  or  'a/b/' <= path < 'a/b0'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from muniment.domain.files import Folder, StoredFile
from muniment.domain.values import from_millis, to_millis
from muniment.errors import Conflict, MissingBlobs
from muniment.storage.sql.engine import Prepared, Row, Session
from muniment.storage.sql.file_tables import files
from muniment.storage.sql.in_lists import PreparedIn
from muniment.storage.sql.tables import blobs

_FEW: Final = 2
_MANY: Final = 1_000
"""Rows read at once for a listing: few where folders are, of which they are read in vain."""
_END: Final = "\U0010ffff" * 1_024
"""Behind every path."""

_f, _b = files.c, blobs.c
_path: Any = bindparam("path")
_low: Any = bindparam("low")
_high: Any = bindparam("high")
_of_workspace = _f.workspace_id == bindparam("workspace_id")
_files: Select[Any] = (
    select(_f.path, _b.digest, _b.size, _f.updated_at, _f.updated_by)
    .join(blobs, _b.id == _f.blob_id)
    .where(_of_workspace)
)
_within = (_f.path >= _low) & (_f.path < _high)
_limited: Any = bindparam("limit")

_BLOB_ID = Prepared(  # kept until the file is committed: see `blobs`
    select(_b.id).where(_b.digest == bindparam("digest")).with_for_update(read=True, key_share=True)
)
_FILE = Prepared(_files.where(_f.path == _path))
_FILES = Prepared(_files.where(_within).order_by(_f.path).limit(_limited))
_FILES_AFTER = Prepared(
    _files.where(_f.path > bindparam("after"), _f.path < _high).order_by(_f.path).limit(_limited)
)
_FILE_BELOW = Prepared(select(_f.path).where(_of_workspace, _within).limit(literal_column("1")))
_REPLACE = Prepared(
    update(files)
    .where(_of_workspace, _f.path == bindparam("at_path"))
    .values(
        blob_id=bindparam("blob_id"),
        updated_at=bindparam("updated_at"),
        updated_by=bindparam("updated_by"),
    )
)
_ADD = Prepared(insert(files).values({c: bindparam(c.name) for c in files.c}))
_DROP = Prepared(delete(files).where(_of_workspace, _f.path == _path))
_DROP_BELOW = Prepared(delete(files).where(_of_workspace, _within))
COUNT = Prepared(
    select(func.count(), cast(func.coalesce(func.sum(_b.size), 0), BigInteger))
    .select_from(files)
    .join(blobs, _b.id == _f.blob_id)
)


def put(session: Session, workspace_id: int, file: StoredFile) -> None:
    """Insert or replace a file. Raises MissingBlobs, Conflict."""
    blob_id = _BLOB_ID.scalar(session, digest=file.digest)
    if blob_id is None:
        raise MissingBlobs(
            f"The blob {file.digest} is not known.",
            hint="Upload it, then name it.",
            details={"missing": [file.digest], "count": 1},
        )
    at = to_millis(file.updated_at)
    row = {"blob_id": blob_id, "updated_at": at, "updated_by": file.updated_by}
    if _REPLACE.run(session, workspace_id=workspace_id, at_path=file.path, **row):
        return
    # No row says what is a folder, so that nobody else may be adding files meanwhile. One lock for
    # all that has the same first part, for one of them may become the folder of the other.
    session.alone("files", workspace_id, file.path.partition("/")[0])
    if _REPLACE.run(session, workspace_id=workspace_id, at_path=file.path, **row):
        return
    _refuse_folder(session, workspace_id, file.path)
    _ADD.run(session, workspace_id=workspace_id, path=file.path, **row)


def _refuse_folder(session: Session, workspace_id: int, path: str) -> None:
    """Raise Conflict if the path is a folder, or leads through a file."""
    low, high = _range(path)
    if _FILE_BELOW.one(session, workspace_id=workspace_id, low=low, high=high) is not None:
        raise Conflict(
            f"{path!r:.300} is a folder.",
            hint="Choose another path, or delete what is in it.",
            details={"path": path},
        )
    parts = path.split("/")
    for folder in ("/".join(parts[:n]) for n in range(1, len(parts))):
        if _FILE.one(session, workspace_id=workspace_id, path=folder) is not None:
            raise Conflict(
                f"{path!r:.300} can't be: {folder!r:.300} is a file, and no folder.",
                hint="Choose another path, or delete that file.",
                details={"path": path, "file": folder},
            )


def find(session: Session, workspace_id: int, path: str) -> Row | None:
    """Return the row of a file, if there is one."""
    return _FILE.one(session, workspace_id=workspace_id, path=path)


def below(
    session: Session, workspace_id: int, folder: str, after: str, limit: int
) -> Sequence[Row]:
    """Return the rows of files strictly below a folder, those behind `after`."""
    low, high = _range(folder)
    if after >= low:
        return _FILES_AFTER.all(
            session, workspace_id=workspace_id, after=after, high=high, limit=limit
        )
    return _FILES.all(session, workspace_id=workspace_id, low=low, high=high, limit=limit)


def children(session: Session, workspace_id: int, folder: str) -> Iterator[Row | Folder]:
    """Yield the rows of the files in a folder, and its folders.

    What is below a folder is stepped over: the next piece begins behind it.
    """
    low, high = _range(folder)
    start, size = low, _FEW
    while piece := _FILES.all(session, workspace_id=workspace_id, low=start, high=high, limit=size):
        ended, size = len(piece) < size, min(2 * size, _MANY)
        for row in piece:
            if row[0] < start:
                continue  # below the folder that came last
            name, slash, _ = row[0][len(low) :].partition("/")
            if not slash:
                yield row
                start = row[0] + "\x01"  # nothing can be between: no path holds a control character
            else:
                yield Folder(low + name)
                start, size = _range(low + name)[1], _FEW
        if ended:
            return


def drop(session: Session, workspace_id: int, path: str) -> int:
    """Remove a file, or everything below a folder; return how many files went."""
    low, high = _range(path)
    one = _DROP.run(session, workspace_id=workspace_id, path=path)
    return one + _DROP_BELOW.run(session, workspace_id=workspace_id, low=low, high=high)


def file_from(row: Row, workspace: str) -> StoredFile:
    """Read a row."""
    return StoredFile(workspace, row[0], row[1], row[2], from_millis(row[3]), row[4])


def _range(folder: str) -> tuple[str, str]:
    """Return the first path that may be below a folder, and the first behind all of them."""
    return (f"{folder}/", f"{folder}0") if folder else ("", _END)


# -- which blobs are named -----------------------------------------------------------------------


def _named(digests: list[ColumnElement[str]]) -> Select[tuple[str]]:
    return (
        select(_b.digest)
        .distinct()
        .join(files, _f.blob_id == _b.id)
        .where(_b.digest.in_(digests), _of_workspace)
    )


NAMED = PreparedIn(_named)
