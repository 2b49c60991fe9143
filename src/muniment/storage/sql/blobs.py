"""The index of blobs and manifests, and upload sessions: which bytes are known, and who needs them.

A blob is in use while a version (deleted or not) names a manifest that lists it, or names the blob
itself, or a file outside of versions names it. It is collected in two steps, so that a crash
between them can only leave bytes that nobody knows (the sweep finds those), never a known blob
without its bytes:

    1 forget   if it is collectable: remove its row                  ── committed
    2 remove   if it has not become known again: the bytes           ── while it can't become so

Where many write at a time, rows are locked before what they say is relied on, blobs before
manifests, each in the order of their ids:

    add_manifest, put    share the rows of the blobs that they name (of the manifest, if it is
                         known): these stay until the version or file that needs them is committed
    lease                updates the rows
    forget               has the blob's row, then those of its manifests, to itself: whoever named
                         or leased it has ended, and is seen by the look that follows; whoever
                         comes waits, and then finds nothing
    remove               holds the digest's place in the unique index by a row that nobody else
                         will ever see: whoever wants to add the blob waits for the end of it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.selectable import Exists

from muniment.domain.manifest import Manifest
from muniment.domain.values import from_millis, to_millis
from muniment.errors import MissingBlobs
from muniment.storage.metadata import BlobRecord
from muniment.storage.sql.engine import Prepared, Session, insert_new
from muniment.storage.sql.file_tables import files
from muniment.storage.sql.tables import blobs, manifest_blobs, manifests, models, versions

T = TypeVar("T")
PIECE = 10_000
"""Digests in one IN list; SQLite takes 32,766 parameters, PostgreSQL 65,535."""
_LISTED = 100

_b, _ma, _mb, _m, _v = blobs.c, manifests.c, manifest_blobs.c, models.c, versions.c
_f = files.c


def pieces(items: Iterable[T], size: int = PIECE) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece


# -- blobs ---------------------------------------------------------------------------------------

_RENEW = Prepared(
    update(blobs).where(_b.digest == bindparam("of")).values(leased_at=bindparam("leased_at"))
)
_ADD = Prepared(
    insert_new(blobs).values(
        digest=bindparam("digest"), size=bindparam("size"), leased_at=bindparam("leased_at")
    )
)
_known = select(_b.id).where(_b.digest == bindparam("digest"))
_KNOWN_TO_US_ALONE = Prepared(_known.with_for_update())


def add(session: Session, digest: str, size: int, now: datetime) -> None:
    """Make a blob known, or renew its lease."""
    leased_at = to_millis(now)
    while not (
        _RENEW.run(session, of=digest, leased_at=leased_at)
        or _ADD.run(session, digest=digest, size=size, leased_at=leased_at)
    ):
        pass  # somebody else has added it, and it is there to be leased, or has gone again


def lease(session: Session, digests: Sequence[str], now: datetime) -> dict[str, int]:
    """Renew the leases of at most `PIECE` digests; return the sizes of those that are known."""
    in_order = select(_b.id).where(_b.digest.in_(digests)).order_by(_b.id)
    session.lock(in_order.with_for_update(key_share=True))
    statement = (
        update(blobs)
        .where(_b.digest.in_(digests))
        .values(leased_at=to_millis(now))
        .returning(_b.digest, _b.size)
    )
    return dict(session.core.execute(statement).all())


def known(session: Session, digests: Sequence[str]) -> dict[str, int]:
    """Return the row ids of those of at most `PIECE` digests that are known."""
    return _ids(session, select(_b.digest, _b.id).where(_b.digest.in_(digests)))


def _kept_known(session: Session, digests: Sequence[str]) -> dict[str, int]:
    """Return what `known` does, and keep these rows until the end of the transaction."""
    statement = select(_b.digest, _b.id).where(_b.digest.in_(digests))
    return _ids(session, statement.order_by(_b.id).with_for_update(read=True, key_share=True))


def _ids(session: Session, statement: Select[Any]) -> dict[str, int]:
    return dict(session.core.execute(statement).all())


# -- what is in use ------------------------------------------------------------------------------


def _kept(deleted_before: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a version is not purgeable yet."""
    if deleted_before is None:
        return _v.id.is_not(None)
    before = to_millis(deleted_before)
    model_kept = exists().where(
        _m.id == _v.model_id, or_(_m.deleted_at.is_(None), _m.deleted_at >= before)
    )
    return or_(_v.deleted_at.is_(None), _v.deleted_at >= before) & model_kept


def _named(deleted_before: datetime | None) -> Exists:
    """Return the condition that a version names the manifest of the outer query."""
    return exists().where(_v.digest == _ma.digest, _kept(deleted_before)).correlate(manifests)


def _needed(deleted_before: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a version or a file needs the blob of the outer query."""
    listed = exists().where(_mb.blob_id == _b.id, _ma.id == _mb.manifest_id, _named(deleted_before))
    itself = exists().where(_v.digest == _b.digest, _kept(deleted_before))
    of_file = exists().where(_f.blob_id == _b.id)
    return or_(listed.correlate(blobs), itself.correlate(blobs), of_file.correlate(blobs))


_COLLECTABLE = Prepared(
    select(_b.id).where(
        _b.digest == bindparam("digest"),
        _b.leased_at < bindparam("leased_before"),
        ~_needed(None),
    )
)


def collectable(
    session: Session, leased_before: datetime, limit: int, deleted_before: datetime | None
) -> list[BlobRecord]:
    """Return blobs that nothing names and nobody has leased since, least recently leased first."""
    statement = (
        select(_b.digest, _b.size, _b.leased_at)
        .where(_b.leased_at < to_millis(leased_before), ~_needed(deleted_before))
        .order_by(_b.leased_at, _b.id)
        .limit(limit)
    )
    return [
        BlobRecord(digest, size, from_millis(leased_at))
        for digest, size, leased_at in session.core.execute(statement)
    ]


def forget(session: Session, digest: str, leased_before: datetime) -> bool:
    """Forget a blob if it is collectable; say whether it is unknown now."""
    row_id = _KNOWN_TO_US_ALONE.scalar(session, digest=digest)
    if row_id is None:
        return True
    listing = list(session.core.scalars(select(_mb.manifest_id).where(_mb.blob_id == row_id)))
    _lock_manifests(session, listing)
    if not _COLLECTABLE.one(session, digest=digest, leased_before=to_millis(leased_before)):
        return False
    _drop_manifests(session, listing)
    session.core.execute(delete(blobs).where(_b.id == row_id))
    return True


_FORGET = Prepared(delete(blobs).where(_b.digest == bindparam("digest")))


def remove_unknown(session: Session, digest: str, remove: Callable[[], None]) -> bool:
    """Call `remove` if the digest is (still) unknown; say whether."""
    if not _ADD.run(session, digest=digest, size=0, leased_at=0):
        return False
    remove()
    _FORGET.run(session, digest=digest)
    return True


# -- manifests -----------------------------------------------------------------------------------

_MANIFEST = Prepared(
    select(_ma.id)
    .where(_ma.digest == bindparam("digest"))
    .with_for_update(read=True, key_share=True)
)
_ADD_MANIFEST = Prepared(insert_new(manifests).values(digest=bindparam("digest")).returning(_ma.id))
_ADD_MANIFEST_BLOB = Prepared(
    insert(manifest_blobs).values(
        manifest_id=bindparam("manifest_id"), blob_id=bindparam("blob_id")
    )
)


def add_manifest(session: Session, manifest: Manifest) -> None:
    """Make a manifest known. Raises MissingBlobs."""
    while _MANIFEST.one(session, digest=manifest.digest) is None:
        if _add_manifest(session, manifest):
            return
    # It is known, and then its blobs are, too: see the tables.


def _add_manifest(session: Session, manifest: Manifest) -> bool:
    """Insert a manifest; say whether nobody else was quicker. Raises MissingBlobs."""
    needed = sorted(manifest.digests | {manifest.digest})
    ids: dict[str, int] = {}
    for piece in pieces(needed):
        ids.update(_kept_known(session, piece))
    missing = [digest for digest in needed if digest not in ids]
    if missing:
        raise MissingBlobs(
            f"{len(missing)} of the {len(needed)} blobs that the manifest needs are not known.",
            hint="Upload them, then commit again.",
            details={"missing": missing[:_LISTED], "count": len(missing)},
        )
    manifest_id = _ADD_MANIFEST.scalar(session, digest=manifest.digest)
    if manifest_id is None:
        return False
    _ADD_MANIFEST_BLOB.many(
        session, ({"manifest_id": manifest_id, "blob_id": ids[digest]} for digest in needed)
    )
    return True


def count_unused_manifests(session: Session, deleted_before: datetime | None) -> int:
    """Count the manifests that no version names (that is not purgeable)."""
    statement = select(func.count()).select_from(manifests).where(~_named(deleted_before))
    return int(session.core.scalar(statement) or 0)


def drop_unused_manifests(session: Session, limit: int) -> int:
    """Forget up to `limit` manifests that no version names; return how many."""
    unused = select(_ma.id).where(~_named(None))
    found = list(session.core.scalars(unused.limit(limit)))
    _lock_manifests(session, found)
    still_unused = list(session.core.scalars(unused.where(_ma.id.in_(found))))
    _drop_manifests(session, still_unused)
    return len(still_unused)


def _lock_manifests(session: Session, ids: list[int]) -> None:
    for piece in pieces(sorted(ids)):
        in_order = select(_ma.id).where(_ma.id.in_(piece)).order_by(_ma.id)
        session.lock(in_order.with_for_update())


def _drop_manifests(session: Session, ids: list[int]) -> None:
    for piece in pieces(ids):
        session.core.execute(delete(manifest_blobs).where(_mb.manifest_id.in_(piece)))
        session.core.execute(delete(manifests).where(_ma.id.in_(piece)))
