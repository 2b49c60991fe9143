"""How many documents change as one, where only the change of one document is atomic.

All writes of a change of a model stand in ONE document, whose insert is the commit point. Its `_id`
is the model's id and the next number in the model's sequence, so of those who saw the same state
one wins; the others have lost the race and decide again:

    decide ──> insert commits 5/7 ──> apply: new and changed documents ──> models 5: seq = 7
               │                      (by whoever comes; all of it may    │
               └ refused: 5/7 is      be done twice, or by two at once)   └ names are released;
                 somebody else's                                            a stub is left of 5/7

Applying is idempotent because each document holds the sequence of the commit that wrote it, and a
writer replaces only what is older (`seq < 7`, in one atomic step). A writer who slept for an hour
in the middle changes nothing that somebody has done since. Documents that are removed for good
leave a stone with a sequence, so he can't bring them back either.

The model's own document comes last. So it never speaks of what is not there, and a reader who
finds a document with a sequence above that of its model knows that a commit is under way: he
finishes it himself and reads again. What was acknowledged has been applied, so all see it.

Commit 8 is inserted only by who has found 7 applied: no more than one per model is ever unfinished,
and stubs, which are kept, see to it that no number is used twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeVar
from uuid import uuid4

from pymongo import errors

from muniment.errors import MunimentError
from muniment.storage.mongo.connection import Connection, Document

T = TypeVar("T")
_TRIES: Final = 3
_PAUSE: Final = 0.2
_DUPLICATE: Final = 11_000


def commit_id(model_id: int, sequence: int) -> str:
    """Return the `_id` of a commit."""
    return f"{model_id}/{sequence}"


class Commits:
    """The commits of all models."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def insert(self, commit: Document) -> bool:
        """Commit; False if somebody else was first.

        `commit` is as `MongoTransaction.commit` makes it.
        """
        try:
            _again(lambda: self._insert(commit))
        except errors.DuplicateKeyError:
            with self._db.guarded():
                there = self._db["commits"].find_one({"_id": commit["_id"]}, {"token": 1})
            # It may be there because only the answer to the first try was lost.
            return there is not None and there["token"] == commit["token"]
        return True

    def _insert(self, commit: Document) -> None:
        with self._db.guarded():
            self._db["commits"].insert_one(commit)

    def void(self, model_id: int, sequence: int) -> None:
        """See to it that there is a commit with this number: an empty one, if nobody was first."""
        # The first of a model that never came has nothing to be applied to.
        empty = {"token": uuid4().hex, "pending": sequence > 1, "void": True}
        self.insert({**_stub(model_id, sequence), **empty})

    def exists(self, model_id: int, sequence: int) -> bool:
        """Say whether somebody has committed this."""
        with self._db.guarded():
            found = self._db["commits"].find_one({"_id": commit_id(model_id, sequence)}, {"_id": 1})
        return found is not None

    def settled(self, model_id: int, model: Document | None = None) -> Document | None:
        """Return a model's document once all that was committed is in it; None if there is none.

        `model` is the document that has just been read, if it has.
        """
        while True:
            with self._db.guarded():
                if model is None:
                    model = self._db["models"].find_one({"_id": str(model_id)}, {"terms": 0})
                sequence = 0 if model is None else model["seq"]
                following = commit_id(model_id, sequence + 1)
                commit = self._db["commits"].find_one({"_id": following})
            if commit is None or (model is None and "void" in commit):
                return model
            if commit["pending"]:  # else somebody has just finished it
                self.apply(commit)
            model = None

    def settle_all(self) -> None:
        """Finish what processes that died have left unfinished."""
        with self._db.guarded():
            found = list(self._db["commits"].find({"pending": True}, {"model_id": 1}))
        for commit in found:
            self.settled(commit["model_id"])

    # -- applying --------------------------------------------------------------------------------

    def apply(self, commit: Document) -> None:
        """Bring a commit into the documents that are read."""
        _again(lambda: self._apply(commit))

    def _apply(self, commit: Document) -> None:
        model_id, sequence = commit["model_id"], commit["seq"]
        older = {"seq": {"$lt": sequence}}
        with self._db.guarded():
            if "void" not in commit:
                self._add(commit["added"], sequence)
                for change in commit["changed"]:
                    self._replace(change["c"], change["d"], sequence)
                if commit["touched_at"] is not None:
                    self._db["versions"].update_many(
                        {"model_id": model_id, "live": True, **older},
                        {
                            "$set": {"updated_at": commit["touched_at"], "seq": sequence},
                            "$inc": {"revision": 1},
                        },
                    )
                for number in commit["purged"]:
                    self._db["uses"].delete_many({"model_id": model_id, "number": number})
            self._show(commit)
            for name in commit.get("released", ()):
                self._db["names"].delete_one(
                    {"_id": name, "model_id": model_id, "seq": {"$lte": sequence}}
                )
            for digest in commit.get("manifests", ()):
                unpin(self._db, digest, pin_of(commit))
            stub = {**_stub(model_id, sequence), "pending": False, "token": commit["token"]}
            if "void" in commit:
                stub["void"] = True
            self._db["commits"].replace_one({"_id": commit["_id"]}, stub)

    def _add(self, added: Sequence[Document], sequence: int) -> None:
        """Insert documents, unless they are there, or newer ones, or stones."""
        for name, changes in groupby(added, itemgetter("c")):
            documents = [{**change["d"], "seq": sequence} for change in changes]
            try:
                self._db[name].insert_many(documents, ordered=False)
            except errors.BulkWriteError as error:
                for failed in _duplicates(error):
                    self._replace(name, documents[failed], sequence)

    def _replace(self, name: str, document: Document, sequence: int) -> None:
        this = {"_id": document["_id"], "model_id": document["model_id"]}
        self._db[name].replace_one(
            {**this, "seq": {"$lt": sequence}}, {**document, "seq": sequence}
        )

    def _show(self, commit: Document) -> None:
        """Let the model's document say that the commit is in it."""
        shown, sequence = commit.get("model"), commit["seq"]
        # Fields are set one by one: others, such as `dispatched`, are not the commits' business.
        this = {"_id": str(commit["model_id"]), "seq": {"$lt": sequence}}
        if shown is None:
            self._db["models"].update_one(this, {"$set": {"seq": sequence}})
            return
        fields = {key: value for key, value in shown.items() if key != "_id"}
        change = {"$set": {**fields, "seq": sequence}}
        if sequence > 1:
            self._db["models"].update_one(this, change)
            return
        first = {"_id": shown["_id"], **change["$set"], "dispatched": 0, "behind": False}
        first.update(fields)
        try:
            self._db["models"].insert_one(first)
        except errors.DuplicateKeyError:
            return  # somebody else has inserted it


def pin_of(commit: Document) -> str:
    """Return the pin by which a commit that is to come keeps its manifests; see `manifests`."""
    return f"{commit['_id']}/{commit['token']}"


def unpin(connection: Connection, digest: str, pin: str) -> None:
    """Let go of a manifest."""
    connection["manifests"].update_one({"_id": digest}, {"$unset": {f"pins.{pin}": ""}})


def _again(work: Callable[[], T]) -> T:
    """Do what may be done twice; once more, if the connection is lost."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return work()
        except MunimentError as error:
            if not tries_left or not isinstance(error.__cause__, errors.AutoReconnect):
                raise
            time.sleep(_PAUSE)
    raise AssertionError("unreachable")


def _stub(model_id: int, sequence: int) -> Document:
    return {"_id": commit_id(model_id, sequence), "model_id": model_id, "seq": sequence}


def _duplicates(error: errors.BulkWriteError) -> Iterable[int]:
    """Return the positions of documents that were there; raise if anything else went wrong."""
    failed = error.details["writeErrors"]
    if error.details.get("writeConcernErrors") or any(e["code"] != _DUPLICATE for e in failed):
        raise errors.OperationFailure("a bulk write failed", details=dict(error.details)) from error
    return [e["index"] for e in failed]
