"""Garbage collection: mark from manifests, sweep what nobody needs.

1  uploads nobody went on with      ──> cancelled
2  versions deleted long ago        ──> purged, each with an activity
3  manifests that no version names  ──> forgotten
4  blobs that nothing names, and nobody leased within the grace period ──> removed
5  bytes that the metadata does not know (a crash, a restored backup)  ──> removed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby, islice

from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.entities import Upload
from muniment.domain.garbage import GarbageReport
from muniment.errors import InvalidInput, NotFound, UploadConflict
from muniment.services.access.audit import audited
from muniment.services.base import Service
from muniment.storage.blobs import BlobStat
from muniment.storage.metadata import ModelId, StorageTotals, Transaction

_PIECE = 500
_PAUSE = timedelta(minutes=1)  # a writer that is at work is never idle for so long
_MOMENT = timedelta(milliseconds=1)  # what the clocks of stores can tell apart
MAX_SECONDS = 10 * 365 * 24 * 3600.0


class Housekeeping(Service):
    """Keeping the house clean."""

    def collect_garbage(
        self,
        *,
        dry_run: bool = False,
        restore_window: float | None = None,
        grace: float | None = None,
        ending: Callable[[], bool] = lambda: False,
    ) -> GarbageReport:
        """Free what nobody needs; see the module. Safe at any time, beside anything else.

        Stops half-way as soon as `ending` says so, and reports what it has done by then.
        """
        self._require(Verb.COLLECT)
        now, kept = self._ports.clock(), self._ports.retention
        # What is just as old as it may be is old enough: with no grace, a lease of this moment.
        now += _MOMENT
        deleted_before = now - _window(restore_window, kept.restore_window, "restore_window")
        leased_before = now - _window(grace, kept.grace, "grace")
        idle_since = now - kept.upload_lifetime
        if grace is not None:
            idle_since = min(leased_before, now - _PAUSE)
        uploads = self._sweep_uploads(idle_since, dry_run)
        purged = self._purge(deleted_before, dry_run, ending)
        manifests = self._store.drop_unused_manifests(
            deleted_before=deleted_before, dry_run=dry_run
        )
        report = GarbageReport(
            dry_run=dry_run, purged_versions=purged, manifests=manifests, uploads=uploads
        )
        report = self._sweep_blobs(report, deleted_before, leased_before, ending)
        report = self._sweep_strays(report, leased_before, ending)
        if self._ports.auditor is not None and not dry_run:
            done = audited(
                ActivityKind.GARBAGE_COLLECTED, self._caller, now, details=report.to_json()
            )
            self._ports.auditor.record(done)
        totals = self._store.totals()
        freed = (report.blobs, report.bytes) if dry_run else (0, 0)
        return replace(
            report,
            kept_blobs=totals.stored_blobs - freed[0],
            kept_bytes=totals.stored_bytes - freed[1],
        )

    def totals(self) -> StorageTotals:
        """Count what is stored, in all workspaces."""
        self._require(Verb.COLLECT)
        return self._store.totals()

    def _sweep_uploads(self, before: datetime, dry_run: bool) -> int:
        """Cancel uploads that nobody went on with; the bytes say when somebody last did."""
        writing = dict(self._ports.blobs.writers())
        stale = [upload_id for upload_id, last in writing.items() if last < before]
        abandoned = [
            upload.id for upload in self._stale_uploads(before) if upload.id not in writing
        ]
        if dry_run:
            return len(stale)
        for upload_id in stale:
            try:
                self._ports.blobs.resume_writer(upload_id).cancel()
            except (NotFound, UploadConflict):
                continue  # finished or resumed at this moment
            self._store.drop_upload(upload_id)
        for upload_id in abandoned:
            self._store.drop_upload(upload_id)
        return len(stale)

    def _stale_uploads(self, before: datetime) -> list[Upload]:
        return list(self._store.stale_uploads(before, limit=100_000))

    def _purge(self, deleted_before: datetime, dry_run: bool, ending: Callable[[], bool]) -> int:
        if dry_run:
            return len(self._store.purgeable(deleted_before, limit=1_000_000))
        purged = 0
        while not ending() and (piece := self._store.purgeable(deleted_before, limit=_PIECE)):
            for model, versions in groupby(piece, key=lambda pair: pair[0]):
                numbers = [number for _, number in versions]
                purged += self._purge_versions(model, numbers, deleted_before)
        return purged

    def _purge_versions(self, key: ModelId, numbers: list[int], deleted_before: datetime) -> int:
        def decide(tx: Transaction) -> int:
            model, purged = tx.model(), 0
            if model is None:
                return 0
            gone = model.deleted_at is not None and model.deleted_at < deleted_before
            now = self._now(model)
            for number in numbers:
                version = tx.version(number)
                if version is None:
                    continue
                if not gone and (
                    version.deleted_at is None or version.deleted_at >= deleted_before
                ):
                    continue  # restored in the meantime
                tx.purge_version(number)
                tx.record(
                    self._entry(
                        ActivityKind.VERSION_PURGED,
                        now,
                        version=number,
                        details={"digest": version.digest},
                    )
                )
                purged += 1
            return purged

        return self._store.transact(key, decide)

    def _sweep_blobs(
        self,
        report: GarbageReport,
        deleted_before: datetime,
        leased_before: datetime,
        ending: Callable[[], bool],
    ) -> GarbageReport:
        limit = 10_000_000 if report.dry_run else _PIECE
        while not ending() and (
            blobs := self._store.collectable_blobs(
                leased_before, limit, deleted_before=deleted_before
            )
        ):
            collected = 0
            for blob in blobs:
                if report.dry_run or self._collect(blob.digest, leased_before):
                    collected += 1
                    report = replace(report, blobs=report.blobs + 1, bytes=report.bytes + blob.size)
            if report.dry_run or not collected:
                break
        return report

    def _sweep_strays(
        self, report: GarbageReport, leased_before: datetime, ending: Callable[[], bool]
    ) -> GarbageReport:
        # Bytes from before these metadata began belong to metadata that were lost: they are left
        # to whoever restores those.
        began = min(workspace.created_at for workspace in self._store.workspaces())
        for piece in _pieces(self._ports.blobs.list()):
            if ending():
                break
            known = self._store.known_blobs(stat.digest for stat in piece)
            for stat in piece:
                if stat.digest in known or not began <= stat.stored_at < leased_before:
                    continue
                if report.dry_run or self._collect(stat.digest, leased_before):
                    report = replace(report, blobs=report.blobs + 1, bytes=report.bytes + stat.size)
        return report

    def _collect(self, digest: str, leased_before: datetime) -> bool:
        remove = partial(self._ports.blobs.delete, digest)
        return self._store.collect_blob(digest, leased_before, remove)


def _pieces(stats: Iterator[BlobStat]) -> Iterator[list[BlobStat]]:
    while piece := list(islice(stats, _PIECE)):
        yield piece


def _window(asked: float | None, default: timedelta, what: str) -> timedelta:
    if asked is None:
        return default
    if not 0 <= asked <= MAX_SECONDS:
        raise InvalidInput(f"{what} is {asked} seconds; it must be 0 or more, and finite.")
    return timedelta(seconds=asked)
