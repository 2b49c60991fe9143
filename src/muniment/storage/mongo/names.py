"""Names and slugs: each is taken by one live model of a workspace.

    free ── take (insert) ──> names "default/name/fraud" {model 5, seq 7} ── released ──> free
                                     │  by commit 5/7, which is to come
                                     └── 5/7 is there, and model 5 is live and called so:  taken
                                         5/7 is there, and it is not:                      orphan
                                         5/7 is not there:                                 undecided

A name is taken before the commit that needs it, so whoever dies in between leaves it undecided.
Whoever wants it then waits for a moment, for a living holder would commit within that; then he
inserts an empty commit 5/7. From then on the holder, should he live, has lost the race and decides
again; the name is an orphan, and is taken over by compare-and-swap. No clock has to be right for
that: too short a wait only makes somebody decide again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Final

from pymongo import errors

from muniment.domain.entities import RegisteredModel
from muniment.storage.mongo.commits import Commits
from muniment.storage.mongo.connection import Connection, Document

_PATIENCE: Final = 1.0
"""Seconds that a commit may come after its names."""
_REMEMBERED: Final = 10_000
"""Names whose models' ids are remembered, which saves a look at `names`."""


def names_of(model: RegisteredModel | None) -> frozenset[str]:
    """Return the `_id`s of the names that a model takes: none if it is deleted."""
    if model is None or model.deleted_at is not None:
        return frozenset()
    return frozenset((name_id(model.workspace, model.name), slug_id(model.workspace, model.slug)))


def name_id(workspace: str, name: str) -> str:
    """Return the `_id` of a name."""
    return f"{workspace}/name/{name}"


def slug_id(workspace: str, slug: str) -> str:
    """Return the `_id` of a slug."""
    return f"{workspace}/slug/{slug}"


def bears(model: Document, name: str) -> bool:
    """Say whether a model, as its document has it, is live and has this name or slug."""
    if not model["live"]:
        return False
    workspace = model["workspace"]
    return name in (name_id(workspace, model["name"]), slug_id(workspace, model["slug"]))


class Names:
    """The names of all models."""

    def __init__(self, connection: Connection, commits: Commits) -> None:
        self._db = connection
        self._commits = commits
        self._ids: dict[str, int] = {}

    def bearer(self, name: str) -> Document | None:
        """Return the document of the live model that has a name, with all that was committed."""
        model = self._last_bearer(name) or self._holder(name)
        while model is not None:
            settled = self._commits.settled(model["id"], model)
            if settled is model:
                return model
            model = self._holder(name)  # a commit was under way: it may have changed the name
        return None

    def _last_bearer(self, name: str) -> Document | None:
        """Return the model that had the name when it was last asked for, if it still has it."""
        model_id = self._ids.get(name)
        return None if model_id is None else self._bearing(name, model_id)

    def _holder(self, name: str) -> Document | None:
        with self._db.guarded():
            held = self._db["names"].find_one({"_id": name})
        model = None if held is None else self._bearing(name, held["model_id"])
        if model is not None:
            if len(self._ids) >= _REMEMBERED:
                self._ids.clear()
            self._ids[name] = model["id"]
        return model

    def _bearing(self, name: str, model_id: int) -> Document | None:
        with self._db.guarded():
            model = self._db["models"].find_one({"_id": str(model_id)}, {"terms": 0})
        return model if model is not None and bears(model, name) else None

    def take(self, names: Iterable[str], model_id: int, sequence: int) -> bool:
        """Take names for a commit that is to come; False if one of them is another model's."""
        return all(self._take(name, model_id, sequence) for name in sorted(names))

    def give_back(self, names: Iterable[str], model_id: int, sequence: int) -> None:
        """Undo `take` for the first commit of a model, which will not come."""
        with self._db.guarded():
            for name in names:
                self._db["names"].delete_one({"_id": name, "model_id": model_id, "seq": sequence})

    def _take(self, name: str, model_id: int, sequence: int) -> bool:
        wanted = {"model_id": model_id, "seq": sequence}
        waited_since = time.monotonic()
        while True:
            try:
                with self._db.guarded():
                    self._db["names"].insert_one({"_id": name, **wanted})
                return True
            except errors.DuplicateKeyError:
                pass
            with self._db.guarded():
                held = self._db["names"].find_one({"_id": name})
            if held is None:
                continue
            holder = held["model_id"], held["seq"]
            if holder[0] != model_id:
                if not self._commits.exists(*holder):
                    if time.monotonic() - waited_since < _PATIENCE:
                        time.sleep(random.uniform(0.002, 0.02))  # noqa: S311
                    else:
                        self._commits.void(*holder)
                    continue
                model = self._commits.settled(holder[0])
                if model is not None and bears(model, name):
                    return False
            with self._db.guarded():
                swapped = self._db["names"].update_one(held, {"$set": wanted})
            if swapped.matched_count:
                return True
