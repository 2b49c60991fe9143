"""Files outside of versions: one document for each path.

    files   {_id: workspace/path, …, digest, size, next: {token, digest, since} or null}

A put is made in steps, each an atomic change of the file's own document:

    1 write: `next` names the blob (of a path where nothing is, `digest` is null: nobody sees it)
    2 read: the blob is known; of a new path: nothing is above or below it that makes it impossible
    3 write: what `next` says is so now, if it still holds the token of this put

A collector of blobs sees `next`, too: see `blobs`. Of two new paths, one of which leads through the
other, the longer one steps back while the other is undecided, so one of them gets through. A `next`
whose process died is taken away after a while; whoever slept that long finds his token gone, and
begins again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import uuid4

from pymongo import errors

from muniment.domain.files import Folder, StoredFile
from muniment.domain.values import from_millis, to_millis
from muniment.errors import Conflict, MissingBlobs, Unavailable
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.manifests import pieces

_FEW: Final = 2
_MANY: Final = 1_000
"""Documents read at once for a listing: few where folders are, of which they are read in vain."""
_END: Final = "\U0010ffff" * 1_024
"""Behind every path."""
_PUT_SECONDS: Final = 10.0
"""After so long, whoever puts a file is taken for dead."""
_PATIENCE: Final = 60.0
_SEEN: Final = {"digest": {"$ne": None}}


class Undecided(Exception):
    """Somebody else is about to put a file that has to do with this one."""


class Files:
    """The files of all workspaces."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # -- put -------------------------------------------------------------------------------------

    def put(self, file: StoredFile) -> None:
        """Insert or replace a file. Raises MissingBlobs, Conflict."""
        began = time.monotonic()
        while time.monotonic() - began < _PATIENCE:
            try:
                if self._put(file):
                    return
            except Undecided:
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311
        raise Unavailable(
            f"Too many others are putting {file.path!r:.300} at the same time.", hint="Try again."
        )

    def _put(self, file: StoredFile) -> bool:
        document_id, files = f"{file.workspace}/{file.path}", self._db["files"]
        coming = {"token": uuid4().hex, "digest": file.digest, "since": time.time()}
        mine = {"_id": document_id, "next.token": coming["token"]}
        with self._db.guarded():
            there = files.find_one({"_id": document_id})
            if there is None:
                place = {"_id": document_id, "workspace": file.workspace, "path": file.path}
                try:
                    files.insert_one({**place, "digest": None, "next": coming})
                except errors.DuplicateKeyError as error:
                    raise Undecided from error
            else:
                if there["next"] is not None:
                    self._give_up_the_dead(there)
                    raise Undecided
                waiting = {"$set": {"next": coming}}
                if not files.update_one({"_id": document_id, "next": None}, waiting).matched_count:
                    raise Undecided
            try:
                size = self._size_of(file.digest)
                if there is None:
                    self._refuse_clash(file)
            except (Conflict, Undecided):  # a missing blob is a conflict, too
                self._step_back(mine)
                raise
            done = {
                "digest": file.digest,
                "size": size,
                "updated_at": to_millis(file.updated_at),
                "updated_by": file.updated_by,
                "next": None,
            }
            return files.update_one(mine, {"$set": done}).matched_count > 0

    def _size_of(self, digest: str) -> int:
        """Return the size of a known blob, rescued if a collector has an eye on it."""
        blobs = self._db["blobs"]
        blob = blobs.find_one({"_id": digest})
        if blob is not None and blob["state"] == "doubted":
            blobs.update_one({"_id": digest, "state": "doubted"}, {"$set": {"state": "known"}})
            blob = blobs.find_one({"_id": digest})
        if blob is None or blob["state"] == "forgotten":
            raise MissingBlobs(
                f"The blob {digest} is not known.",
                hint="Upload it, then name it.",
                details={"missing": [digest], "count": 1},
            )
        return int(blob["size"])

    def _refuse_clash(self, file: StoredFile) -> None:
        """Raise Conflict if the path is a folder, or leads through a file."""
        files, path = self._db["files"], file.path
        low, high = _range(path)
        below = {"workspace": file.workspace, "path": {"$gte": low, "$lt": high}}
        parts = path.split("/")
        above = [f"{file.workspace}/{'/'.join(parts[:n])}" for n in range(1, len(parts))]
        # Who is above does not wait for who steps back.
        for folder in files.find({"_id": {"$in": above}}) if above else ():
            if folder["digest"] is None:
                self._give_up_the_dead(folder)
                raise Undecided
            raise Conflict(
                f"{path!r:.300} can't be: {folder['path']!r:.300} is a file, and no folder.",
                hint="Choose another path, or delete that file.",
                details={"path": path, "file": folder["path"]},
            )
        while (nested := files.find_one(below)) is not None:
            if nested["digest"] is not None or files.find_one({**below, **_SEEN}) is not None:
                raise Conflict(
                    f"{path!r:.300} is a folder.",
                    hint="Choose another path, or delete what is in it.",
                    details={"path": path},
                )
            self._give_up_the_dead(nested)
            time.sleep(random.uniform(0.001, 0.005))  # noqa: S311

    def _give_up_the_dead(self, there: Document) -> None:
        coming = there["next"]
        if coming is not None and abs(time.time() - coming["since"]) > _PUT_SECONDS:
            self._step_back({"_id": there["_id"], "next.token": coming["token"]})

    def _step_back(self, mine: Document) -> None:
        files = self._db["files"]
        if not files.delete_one({**mine, "digest": None}).deleted_count:
            files.update_one(mine, {"$set": {"next": None}})

    # -- found, removed --------------------------------------------------------------------------

    def find(self, workspace: str, path: str) -> StoredFile | None:
        """Return the file at a path."""
        with self._db.guarded():
            found = self._db["files"].find_one({"_id": f"{workspace}/{path}"})
        return None if found is None or found["digest"] is None else _file_from(found)

    def below(self, workspace: str, folder: str, after: str, limit: int) -> list[StoredFile]:
        """Return files strictly below a folder, those behind `after`."""
        low, high = _range(folder)
        bound = {"$gt": after} if after >= low else {"$gte": low}
        return self._in_range(workspace, {**bound, "$lt": high}, limit)

    def children(self, workspace: str, folder: str) -> Iterator[StoredFile | Folder]:
        """Yield the files in a folder, and its folders.

        What is below a folder is stepped over: the next piece begins behind it.
        """
        low, high = _range(folder)
        start, size = low, _FEW
        while piece := self._in_range(workspace, {"$gte": start, "$lt": high}, size):
            ended, size = len(piece) < size, min(2 * size, _MANY)
            for file in piece:
                if file.path < start:
                    continue  # below the folder that came last
                name, slash, _ = file.path[len(low) :].partition("/")
                if not slash:
                    yield file
                    start = file.path + "\x01"  # no path holds a control character
                else:
                    yield Folder(low + name)
                    start, size = _range(low + name)[1], _FEW
            if ended:
                return

    def drop(self, workspace: str, path: str) -> int:
        """Remove a file, or everything below a folder; return how many files went."""
        low, high = _range(path)
        files = self._db["files"]
        with self._db.guarded():
            one = files.delete_one({"_id": f"{workspace}/{path}", **_SEEN}).deleted_count
            within = {"workspace": workspace, "path": {"$gte": low, "$lt": high}, **_SEEN}
            return one + files.delete_many(within).deleted_count

    def named(self, workspace: str, digests: Iterable[str]) -> frozenset[str]:
        """Return those of the digests that a file of the workspace names."""
        found: set[str] = set()
        with self._db.guarded():
            for piece in pieces(digests):
                these = {"workspace": workspace, "digest": {"$in": piece}}
                files = self._db["files"].find(these, {"_id": 0, "digest": 1})
                found.update(file["digest"] for file in files)
        return frozenset(found)

    def _in_range(self, workspace: str, paths: Document, limit: int) -> list[StoredFile]:
        where: dict[str, Any] = {"workspace": workspace, "path": paths, **_SEEN}
        with self._db.guarded():
            found = self._db["files"].find(where).sort("path", 1).limit(limit)
            return [_file_from(file) for file in found]


def _file_from(d: Document) -> StoredFile:
    return StoredFile(
        d["workspace"],
        d["path"],
        d["digest"],
        int(d["size"]),
        from_millis(d["updated_at"]),
        d["updated_by"],
    )


def _range(folder: str) -> tuple[str, str]:
    """Return the first path that may be below a folder, and the first behind all of them."""
    return (f"{folder}/", f"{folder}0") if folder else ("", _END)
