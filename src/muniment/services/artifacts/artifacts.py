"""Artifacts: bytes into the registry, and the files of versions out of it.

one shot    receive() ──> Intake.write … ──> Intake.finish        never resumed
resumable   begin_upload() ──> resume_upload() ──> Intake.write … ──> finish_upload()
direct      begin_upload() ──> directly() ──> the client sends to the store ──> finish_upload()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from muniment.domain import names
from muniment.domain.access import OWNER, Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.deployments import UseKind
from muniment.domain.entities import ModelVersion, Upload
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import JsonObject
from muniment.errors import (
    Corrupt,
    DigestMismatch,
    InvalidInput,
    LimitExceeded,
    NotFound,
    NotReady,
    UploadConflict,
)
from muniment.services.access.audit import audited
from muniment.services.artifacts.content import place, sizes_here
from muniment.services.artifacts.possession import nameable
from muniment.services.base import Service, no_model, no_version
from muniment.storage.blobs import BlobStat, BlobWriter, DirectUpload

DIRECT_SECONDS = 900
"""How long a presigned URL is good for; a transfer must begin within, and may take longer."""


class Intake:
    """Bytes coming in from one request, checked against what was announced.

    As a context manager it lets go at the end: a resumable upload keeps what came, a one-shot one
    keeps nothing unless it was finished.
    """

    def __init__(
        self,
        place: Callable[[BlobWriter, str], BlobStat],
        writer: BlobWriter,
        digest: str | None,
        size: int | None,
        *,
        keep: bool,
    ) -> None:
        self._place = place
        self._writer = writer
        self._digest = digest
        self._size = size
        self._keep = keep

    @property
    def offset(self) -> int:
        """How many bytes are here."""
        return self._writer.offset

    @property
    def complete(self) -> bool:
        """Whether all announced bytes are here (False if their number was not announced)."""
        return self._size is not None and self._writer.offset == self._size

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes.

        Raises:
            DigestMismatch: more bytes than were announced; nothing is kept.
            LimitExceeded: more bytes than a blob may have; nothing is kept.
        """
        offset = self._writer.offset + len(data)
        if self._size is not None and offset > self._size:
            self._writer.cancel()
            raise DigestMismatch(
                f"More bytes came than the {self._size} that were announced.",
                hint="Upload it again, with its size and digest as they are.",
            )
        if offset > names.MAX_BLOB_BYTES:
            self._writer.cancel()
            raise LimitExceeded(
                f"A blob holds at most {names.MAX_BLOB_BYTES} bytes.",
                details={"limit": names.MAX_BLOB_BYTES},
            )
        self._writer.write(data)

    def finish(self) -> BlobStat:
        """Put the bytes in their place.

        Raises:
            DigestMismatch: they are fewer than announced, or others; nothing is kept.
        """
        actual = self._writer.digest()
        if self._size is not None and self._writer.offset != self._size:
            came = self._writer.offset
            self._writer.cancel()
            raise DigestMismatch(f"{came} bytes came; {self._size} were announced.")
        if self._digest is not None and actual != self._digest:
            self._writer.cancel()
            raise DigestMismatch(
                f"The bytes have the digest {actual}, not {self._digest}.",
                hint="Upload it again; the file may have changed while it was read.",
                details={"actual": actual, "announced": self._digest},
            )
        return self._place(self._writer, actual)

    def close(self) -> None:
        """Let go."""
        if self._keep:
            self._writer.close()
        else:
            self._writer.cancel()

    def __enter__(self) -> Intake:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Artifacts(Service):
    """Bytes in and out, for one caller."""

    # -- in --------------------------------------------------------------------------------------

    def missing(self, digests: Iterable[str]) -> frozenset[str]:
        """Return those digests that must be uploaded; the others are leased."""
        self._require(Verb.CREATE_VERSION)
        asked = frozenset(names.check_digest(digest) for digest in digests)
        if len(asked) > names.MAX_FILES:
            raise LimitExceeded(
                f"{len(asked)} digests; at most {names.MAX_FILES} at once.",
                details={"limit": names.MAX_FILES},
            )
        return asked - sizes_here(self._ports, self._caller, asked).keys()

    def receive(self, *, digest: str | None = None, size: int | None = None) -> Intake:
        """Return an intake for bytes that come in one go."""
        self._require(Verb.CREATE_VERSION)
        bare, size = None if digest is None else names.check_digest(digest), blob_size(size)
        writer = self._ports.blobs.create_writer()
        return Intake(self._place, writer, bare, size, keep=False)

    def begin_upload(
        self, *, digest: str | None = None, size: int | None = None, fresh: bool = False
    ) -> Upload | None:
        """Begin an upload, or find the caller's unfinished one for the same digest and size.

        None means that the blob is here already. `fresh` always begins a new one.
        """
        self._require(Verb.CREATE_VERSION)
        size = blob_size(size)
        if digest is not None:
            digest = names.check_digest(digest)
            if not self.missing([digest]):
                return None
            workspace, actor = self._caller.workspace, self._caller.actor
            for earlier in () if fresh else self._store.open_uploads(workspace, actor, digest):
                offset = self._ports.blobs.offset(earlier.id)
                if offset is not None and earlier.size == size:
                    return replace(earlier, offset=offset)
        upload = Upload(
            id=uuid4().hex,
            workspace=self._caller.workspace,
            created_by=self._caller.actor,
            created_at=self._ports.clock(),
            digest=digest,
            size=size,
        )
        self._store.add_upload(upload)
        self._ports.blobs.create_writer(upload.id).close()
        return upload

    def directly(self, upload: Upload) -> DirectUpload | None:
        """Return how the caller can send all bytes of an upload straight to the store, or None.

        The store takes only bytes with the announced digest and size. They are the caller's to
        name once `finish_upload` has found them there, as if they had come through here.
        """
        self._require(Verb.CREATE_VERSION)
        if upload.digest is None or upload.size is None or upload.offset:
            return None
        return self._ports.blobs.presign_put(
            upload.id, digest=upload.digest, size=upload.size, seconds=DIRECT_SECONDS
        )

    def upload(self, upload_id: str) -> Upload:
        """Return an upload as it stands. Raises NotFound once it was finished or given up."""
        upload = self._upload(upload_id)
        offset = self._ports.blobs.offset(upload_id)
        if offset is None:
            offset = self._put_in_place(upload_id, upload.digest).size
        return replace(upload, offset=offset)

    def resume_upload(self, upload_id: str, offset: int) -> Intake:
        """Return an intake that goes on at `offset`.

        Raises:
            UploadConflict: the upload is elsewhere (`details["offset"]`), or somebody writes to it.
        """
        upload = self._upload(upload_id)
        writer = self._ports.blobs.resume_writer(upload_id)
        if writer.offset != offset:
            writer.close()
            raise UploadConflict(
                f"The upload stands at {writer.offset}, not at {offset}.",
                hint=f"Go on at {writer.offset}.",
                details={"offset": writer.offset},
            )
        return Intake(self._place, writer, upload.digest, upload.size, keep=True)

    def finish_upload(self, upload_id: str, digest: str | None = None) -> BlobStat:
        """Put an upload's bytes in their place; finishing again is fine while they are there.

        Raises:
            UploadConflict: bytes are still missing.
            DigestMismatch: the bytes are others than announced; the upload is given up.
        """
        upload = self._upload(upload_id)
        expected = upload.digest
        if digest is not None:
            expected = names.check_digest(digest)
            if upload.digest not in (None, expected):
                raise InvalidInput(f"This upload was begun for the digest {upload.digest}.")
        if self._ports.blobs.offset(upload_id) is None:
            stat = self._put_in_place(upload_id, expected)
            self._store.drop_upload(upload_id)
            return stat
        with self._ports.blobs.resume_writer(upload_id) as writer:
            if upload.size is not None and writer.offset < upload.size:
                raise UploadConflict(
                    f"{writer.offset} of {upload.size} bytes are here.",
                    hint=f"Go on at {writer.offset}.",
                    details={"offset": writer.offset},
                )
            try:
                stat = Intake(self._place, writer, expected, upload.size, keep=True).finish()
            except DigestMismatch:
                self._store.drop_upload(upload_id)
                raise
        self._store.drop_upload(upload_id)
        return stat

    def cancel_upload(self, upload_id: str) -> None:
        """Give an upload up; its bytes are freed."""
        self._upload(upload_id)
        if self._ports.blobs.offset(upload_id) is not None:
            self._ports.blobs.resume_writer(upload_id).cancel()
        self._store.drop_upload(upload_id)

    def put(
        self,
        digest: str,
        size: int,
        source: Callable[[int], Iterator[bytes]],
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Store a blob from this process; return how many bytes were written."""
        if not self.missing([digest]):
            return 0
        with self.receive(digest=digest, size=size) as intake:
            for piece in source(0):
                intake.write(piece)
                if progress is not None:
                    progress(len(piece))
            intake.finish()
        return size

    # -- out -------------------------------------------------------------------------------------

    def manifest(self, model: str, number: int) -> Manifest:
        """Return the files of a version."""
        self._check_read(model)
        return self._manifest(self._version(model, number))

    def _manifest(self, version: ModelVersion) -> Manifest:
        if version.digest is None:
            raise NotReady(
                f"Version {version.version} of {version.model!r:.200} has no files here: "
                + (
                    f"it points at {version.source_uri!r:.300}."
                    if version.source_uri
                    else f"it is {version.status}."
                ),
                details={"status": version.status.value, "source_uri": version.source_uri},
            )
        return self._ports.read_manifest(version.digest)

    def manifest_to_share(self, model: str, number: int) -> Manifest | None:
        """Return the files of a version, to make another version of them; None if it has none.

        Raises:
            PermissionDenied: the caller may not have its bytes.
        """
        self._check_read(model, Verb.DOWNLOAD)
        digest = self._version(model, number).digest
        return None if digest is None else self._ports.read_manifest(digest)

    def file(self, model: str, number: int, path: str) -> FileEntry:
        """Return one file of a version."""
        version, entry = self._file(model, number, path)
        self._observe(version, UseKind.DOWNLOAD)
        return entry

    def glance(self, model: str, number: int, path: str) -> FileEntry:
        """Return one file of a version, for a person to look at: on record, but no use of it."""
        return self._file(model, number, path)[1]

    def read(
        self, model: str, number: int, path: str, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        """Yield the bytes [start, end) of one file of a version."""
        entry = self.file(model, number, path)
        try:
            return self._ports.blobs.read(entry.digest, start, end)
        except NotFound:
            raise Corrupt(
                f"The bytes of {path!r:.300} in {model!r:.200}/{number} are gone from the store "
                f"(blob {entry.digest}).",
                hint="Restore the blob from a backup, or push the same file again.",
            ) from None

    def blob(self, digest: str) -> BlobStat:
        """Return what is known of a blob. Raises NotFound."""
        self._require(Verb.DOWNLOAD)
        bare = names.check_digest(digest)
        stat = self._ports.blobs.stat(bare)
        if stat is None or not nameable(self._ports, self._caller, [bare]):
            raise NotFound(f"There is no blob {digest}.")
        if self._caller.principal is not OWNER:
            self._audit_read({"digest": bare})
        return stat

    def read_blob(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes [start, end) of a blob. Raises NotFound.

        Ask `file` or `blob` first: they know whether the caller may, and put it on record.
        """
        return self._ports.blobs.read(names.check_digest(digest), start, end)

    def local_path(self, digest: str) -> Path | None:
        """Return the read-only file that holds a blob, if there is one on this machine.

        Ask `file` or `blob` first: they know whether the caller may.
        """
        return self._ports.blobs.local_path(names.check_digest(digest))

    def link(self, digest: str, filename: str) -> str | None:
        """Return a URL that serves a blob for a while without login, if the store has one.

        Ask `file` or `blob` first: they know whether the caller may, and put it on record.
        """
        return self._ports.blobs.presign_get(
            names.check_digest(digest), seconds=DIRECT_SECONDS, filename=filename
        )

    # --------------------------------------------------------------------------------------------

    def _file(self, model: str, number: int, path: str) -> tuple[ModelVersion, FileEntry]:
        self._check_read(model, Verb.DOWNLOAD)
        version = self._version(model, number)
        entry = self._manifest(version).file(path)
        if entry is None:
            raise NotFound(
                f"Version {number} of {model!r:.200} has no file {path!r:.300}.",
                hint=f"`muniment show {model:.200}/{number}` lists its files.",
            )
        if self._caller.principal is not OWNER:
            self._audit_read({"model": model, "version": number, "path": path})
        return version, entry

    def _audit_read(self, details: JsonObject) -> None:
        if self._ports.auditor is not None:
            now = self._ports.clock()
            self._ports.auditor.queue(
                audited(ActivityKind.ARTIFACT_READ, self._caller, now, details=details)
            )

    def _place(self, writer: BlobWriter, digest: str) -> BlobStat:
        return place(self._ports, self._caller, writer, digest)

    def _version(self, model: str, number: int) -> ModelVersion:
        version = self._store.version(self._caller.workspace, model, number)
        if version is None:
            if self._store.model(self._key(model)) is None:
                raise no_model(model)
            raise no_version(model, number)
        return version

    def _put_in_place(self, upload_id: str, digest: str | None) -> BlobStat:
        """Return the blob that an upload became, whose bytes all came and left its writer.

        Raises:
            NotFound: they were given up; whether others have stored the same is not said.
        """
        stat = None if digest is None else self._ports.blobs.stat(digest)
        if stat is None or not nameable(self._ports, self._caller, [stat.digest]):
            raise _no_upload(upload_id)
        return stat

    def _upload(self, upload_id: str) -> Upload:
        self._require(Verb.CREATE_VERSION)
        upload = self._store.upload(self._caller.workspace, upload_id)
        if upload is None or upload.created_by != self._caller.actor:
            raise _no_upload(upload_id)
        return upload


def blob_size(size: int | None) -> int | None:
    """Return an announced size in bytes. Raises InvalidInput, LimitExceeded."""
    if size is not None and size < 0:
        raise InvalidInput(f"A blob can't have {size} bytes.")
    if size is not None and size > names.MAX_BLOB_BYTES:
        raise LimitExceeded(
            f"{size} bytes; a blob holds at most {names.MAX_BLOB_BYTES}.",
            details={"limit": names.MAX_BLOB_BYTES},
        )
    return size


def _no_upload(upload_id: str) -> NotFound:
    return NotFound(
        f"There is no upload {upload_id!r:.100}.", hint="It was finished or given up; begin again."
    )
