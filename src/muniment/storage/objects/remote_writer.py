"""Bytes on their way into an object store: hashed and collected here, sent in parts as they fill.

    write   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓      hash, fill a part
    send         ▓▓▓▓▓▓▓  ▓▓▓▓▓▓▓      at most two parts are on their way: three in memory
    close                         ▓    the tail; from then on everything is the store's

What was written is safe once `close` or `commit` has returned, whatever dies then.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from muniment.errors import DigestMismatch, UploadConflict
from muniment.storage.blobs import BlobStat, BlobWriter
from muniment.storage.objects.parts import Part, part_end, part_path
from muniment.storage.objects.refusals import Precondition

if TYPE_CHECKING:
    from hashlib import _Hash

    from muniment.storage.objects.remote import RemoteBlobStore

_ON_THEIR_WAY: Final = 2
_SENDING: Final = 16
_REMEMBERED: Final = 1_024


class Writing:
    """What the writers of one store share: threads, who is open, and hashes to go on with."""

    def __init__(self) -> None:
        self.sending: Final = ThreadPoolExecutor(_SENDING, thread_name_prefix="blob-send")
        self._lock = Lock()
        self._open: set[str] = set()
        self._hashes: OrderedDict[str, tuple[tuple[Part, ...], _Hash]] = OrderedDict()

    def begin(self, writer_id: str) -> None:
        """Raises UploadConflict while another thread writes to it."""
        with self._lock:
            if writer_id in self._open:
                raise UploadConflict(
                    f"Somebody else writes to upload {writer_id} at this moment.",
                    hint="Wait until they are done or gone, then resume.",
                )
            self._open.add(writer_id)

    def end(self, writer_id: str) -> None:
        """Let others write to it. Fine twice."""
        with self._lock:
            self._open.discard(writer_id)

    # An upload that comes piece by piece, each by a new writer of this process, is hashed only
    # once: each writer leaves the state of its hash to the next.

    def leave_hash(self, writer_id: str, parts: list[Part], sha: _Hash) -> None:
        """Keep the hash of exactly these parts."""
        with self._lock:
            self._hashes[writer_id] = (tuple(parts), sha)
            while len(self._hashes) > _REMEMBERED:
                self._hashes.popitem(last=False)

    def take_hash(self, writer_id: str, parts: list[Part]) -> _Hash | None:
        """Return the hash of these parts, if it is known."""
        with self._lock:
            hashed, sha = self._hashes.pop(writer_id, ((), None))
        return sha if [part.path for part in hashed] == [part.path for part in parts] else None

    def close(self) -> None:
        """End the threads."""
        self.sending.shutdown()


class RemoteWriter(BlobWriter):
    """See BlobWriter. `parts` is what is there already; only a `kept` one can be resumed."""

    def __init__(
        self, store: RemoteBlobStore, writer_id: str, parts: list[Part], *, kept: bool = True
    ) -> None:
        self._store = store
        self._id = writer_id
        self._kept = kept
        self._author = uuid4().hex
        self._parts = parts
        self._sent: deque[tuple[Part, Future[str | None]]] = deque()
        self._buffer = bytearray()
        self._dirty = False
        self._offset = parts[-1].end if parts else 0
        sha = store.writing.take_hash(writer_id, parts) if parts else None
        self._sha = sha or hashlib.sha256()
        self._hashed = self._offset if sha else 0
        self._proven: str | None = None
        self._open = True
        self._committed: BlobStat | None = None

    @property
    def id(self) -> str:
        """See BlobWriter."""
        return self._id

    @property
    def offset(self) -> int:
        """See BlobWriter."""
        return self._offset

    # -- bytes -----------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See BlobWriter. What the store refuses may be said by a later call, or the last."""
        self._check_open()
        view = memoryview(data).cast("B")
        if not view.nbytes:
            return
        if self._parts and not self._buffer and not self._sent:
            self._take_tail_back()
        if self._hashed == self._offset:
            self._sha.update(view)
            self._hashed += view.nbytes
        while view.nbytes:
            start = self._offset - len(self._buffer)
            taken = view[: part_end(start) - self._offset]
            self._buffer += taken
            self._offset += taken.nbytes
            self._dirty = True
            view = view[taken.nbytes :]
            if self._offset == part_end(start):
                self._send()

    def _take_tail_back(self) -> None:
        """Read the tail of an earlier writer into memory, to make a longer part of it."""
        last = self._parts[-1]
        if last.promised is not None:
            raise self._disturbed()
        if last.is_tail:
            self._buffer += b"".join(self._store.bucket.open(last.path, etag=last.etag).pieces)
            del self._parts[-1]

    def _send(self) -> None:
        while len(self._sent) >= _ON_THEIR_WAY:
            self._settle_one()
        start, data = self._offset - len(self._buffer), self._buffer
        path = part_path(self._id, start, self._offset, self._author)
        sending = self._store.writing.sending.submit(self._store.bucket.put, path, data)
        self._sent.append((Part(path, start, self._offset, None), sending))
        self._buffer, self._dirty = bytearray(), False

    def _settle_one(self) -> None:
        part, sending = self._sent[0]
        etag = sending.result()  # if it failed it stays in front, and everything after fails, too
        self._sent.popleft()
        self._parts.append(replace(part, etag=etag))

    def _settle(self) -> None:
        while self._sent:
            self._settle_one()

    def _hand_over(self) -> None:
        """Send the tail, if it was not sent before, and wait until the store has everything."""
        if self._dirty:
            self._send()
        self._settle()

    def digest(self) -> str:
        """See BlobWriter."""
        if self._committed is not None:
            return self._committed.digest
        self._check_open()
        if self._hashed < self._offset:
            self._proven = self._proven or self._ask_for_proof()
            if self._proven is not None:
                return self._proven
            self._settle()
            self._sha = hashlib.sha256()
            for part in self._parts:
                self._hash(part)
            self._sha.update(self._buffer)
            self._hashed = self._offset
        return self._sha.hexdigest()

    def _ask_for_proof(self) -> str | None:
        if len(self._parts) == 1 and self._parts[0].end == self._offset:
            return self._store.bucket.proven_digest(self._parts[0])
        return None

    def _hash(self, part: Part) -> None:
        try:
            for piece in self._store.bucket.open(part.path, etag=part.etag).pieces:
                self._sha.update(piece)
        except (FileNotFoundError, Precondition):
            raise self._disturbed() from None

    # -- the end ---------------------------------------------------------------------------------

    def commit(self, digest: str) -> BlobStat:
        """See BlobWriter."""
        if self._committed is not None and self._committed.digest == digest:
            return self._committed
        actual = self.digest()
        if actual != digest:
            self.cancel()
            raise DigestMismatch(
                f"{self._offset} bytes came whose SHA-256 is {actual}, not {digest}.",
                hint="Send the file again, or announce its right digest.",
                details={"expected": digest, "actual": actual},
            )
        if self._parts or self._sent:
            self._hand_over()
            try:
                stat = self._store.place_parts(self._id, self._parts, self._offset, digest)
            except (FileNotFoundError, Precondition):
                raise self._disturbed() from None
        else:
            stat = self._store.place_bytes(self._buffer, digest)
        self._committed = stat
        self._drop()
        return stat

    def cancel(self) -> None:
        """See BlobWriter. After close the bytes are no longer ours: they stay."""
        if self._open:
            for _, sending in self._sent:
                sending.exception()  # waits: what arrives later would be left behind
            self._drop()

    def _drop(self) -> None:
        """Free what is staged, and let go."""
        touched = bool(self._kept or self._parts or self._sent)
        self._let_go()
        if touched:
            self._store.drop(self._id)

    def close(self) -> None:
        """See BlobWriter. Raises what the store has refused: then some bytes are not there."""
        if not self._open:
            return
        if not self._kept:
            self.cancel()
            return
        try:
            wrote = self._dirty or bool(self._sent)
            self._hand_over()
            if wrote and not self._store.is_begun(self._id):
                # Somebody has finished or cancelled it meanwhile: nobody would look for these.
                self._store.drop(self._id)
            elif self._hashed == self._offset > 0:
                self._store.writing.leave_hash(self._id, self._parts, self._sha)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        self._open = False
        self._buffer, self._dirty = bytearray(), False
        self._store.writing.end(self._id)

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError(f"The writer of upload {self._id} is closed.")

    def _disturbed(self) -> UploadConflict:
        return UploadConflict(
            f"Somebody else has finished or cancelled upload {self._id} meanwhile.",
            hint="Look whether the blob is there; else upload it again.",
        )

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(Exception):  # what went wrong first is what must be heard of
                self.close()
