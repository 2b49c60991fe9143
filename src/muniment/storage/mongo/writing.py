"""`transact`: decide, commit, or begin anew.

head of the model ──> decide ──> names and manifests ──> commit ──> applied, acknowledged
     ▲                  │              │                   │
     └── lost a race ───┴──────────────┴───────────────────┘   after a moment, for half a minute
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar

from muniment.domain.manifest import Manifest
from muniment.errors import LimitExceeded, MissingBlobs, Unavailable
from muniment.storage.metadata import ModelId, ModelKey, Transaction
from muniment.storage.mongo.commits import Commits, pin_of
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.draft import Torn
from muniment.storage.mongo.manifests import Manifests
from muniment.storage.mongo.names import Names, name_id
from muniment.storage.mongo.transaction import MongoTransaction

T = TypeVar("T")
_PATIENCE: Final = 30.0
_LONGEST_PAUSE: Final = 0.25


class Writing:
    """Changes models, one at a time each."""

    def __init__(
        self, connection: Connection, commits: Commits, names: Names, manifests: Manifests
    ) -> None:
        self._db = connection
        self._commits = commits
        self._names = names
        self._manifests = manifests
        self._queues = Queues()

    def transact(self, key: ModelKey, decide: Callable[[Transaction], T]) -> T:
        """See `MetadataStore.transact`; the workspace exists."""
        with self._queues.turn(key):
            for _ in _tries():
                head = self._head(key)
                transaction = MongoTransaction(self._db, self._names, key, head)
                try:
                    result = decide(transaction)
                except Torn:
                    continue
                except Exception:
                    if self._has_moved(key, head):
                        continue  # it may have seen half of a change
                    raise
                if transaction.is_changed:
                    if self._commit(transaction):
                        return result
                elif not self._has_moved(key, head):
                    return result
        raise Unavailable(
            f"Too many others are changing the model of {key}.", hint="Try again later."
        )

    def _head(self, key: ModelKey) -> Document | None:
        """Return the document of the model, once all that was committed is in it."""
        if isinstance(key, ModelId):
            found = self._commits.settled(key.id)
            return found if found is not None and found["workspace"] == key.workspace else None
        return self._names.bearer(name_id(key.workspace, key.name))

    def _has_moved(self, key: ModelKey, head: Document | None) -> bool:
        if head is None:
            return self._head(key) is not None
        with self._db.guarded():
            now = self._db["models"].find_one({"_id": head["_id"]}, {"seq": 1})
        return now is None or now["seq"] != head["seq"]

    def _commit(self, transaction: MongoTransaction) -> bool:
        """Commit and apply what was decided; False if a race is lost."""
        model_id, sequence = transaction.place
        commit = transaction.commit()
        pinned: list[Manifest] = []

        def give_back() -> None:
            if sequence == 1:
                # Of a model that is there, another process may rely on them for a commit of its
                # own; others know how to tell that a name was taken in vain.
                self._names.give_back(transaction.taken_names, model_id, sequence)
            for manifest in pinned:
                self._manifests.unpin(manifest, pin_of(commit))

        if not self._names.take(transaction.taken_names, model_id, sequence):
            give_back()
            return False
        try:
            for manifest in transaction.manifests:
                self._manifests.pin(manifest, pin_of(commit))
                pinned.append(manifest)
            if self._commits.insert(commit):
                self._commits.apply(commit)
                return True
        except MissingBlobs:
            pass  # collected since they were looked for: `decide` shall hear of it
        except LimitExceeded:
            give_back()
            raise
        give_back()
        return False


def _tries() -> Iterator[None]:
    """Yield until there is no more hope, and wait a little longer each time."""
    began, pause = time.monotonic(), 0.002
    while time.monotonic() - began < _PATIENCE:
        yield
        time.sleep(random.uniform(0, pause))  # noqa: S311
        pause = min(2 * pause, _LONGEST_PAUSE)


class Queues:
    """Lets threads of this process change a model in turn: they would only lose races.

    That is a courtesy: between processes, and keys of one model, the commits decide.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._waiting: dict[ModelKey, tuple[Lock, int]] = {}

    @contextmanager
    def turn(self, key: ModelKey) -> Iterator[None]:
        """Wait for the turn of this thread."""
        with self._guard:
            lock, count = self._waiting.get(key, (Lock(), 0))
            self._waiting[key] = lock, count + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                _, count = self._waiting[key]
                if count > 1:
                    self._waiting[key] = lock, count - 1
                else:
                    del self._waiting[key]
