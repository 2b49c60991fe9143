"""Point reads: a model by its name, a version by whatever it is called.

A version is read after its model. If a later commit has written it, that commit is finished, and
both are read again: so a version and its model are always of one state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.values import to_millis
from muniment.errors import Unavailable
from muniment.storage.metadata import ModelId
from muniment.storage.mongo import documents
from muniment.storage.mongo.commits import Commits
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.mongo.names import Names, name_id

_TRIES: Final = 20


class Reads:
    """Reads of single entities, and of what stands beside them."""

    def __init__(self, connection: Connection, commits: Commits, names: Names) -> None:
        self._db = connection
        self._commits = commits
        self._names = names

    def model(self, name: str) -> RegisteredModel | None:
        """Return the live model with a name or slug, given as `_id` of `names`."""
        found = self._names.bearer(name)
        return None if found is None else documents.model_from(found)

    def model_by_id(self, workspace: str, model_id: int) -> RegisteredModel | None:
        """Return a model, live or not."""
        found = self._commits.settled(model_id)
        if found is None or found["workspace"] != workspace:
            return None
        return documents.model_from(found)

    def version(self, workspace: str, name: str, number: int) -> ModelVersion | None:
        """Return a live version of a live model."""
        return self._version(workspace, name, lambda model: self._numbered(model, number))

    def version_by_alias(self, workspace: str, name: str, alias: str) -> ModelVersion | None:
        """Return the live version that an alias of a live model points at."""

        def find(model: Document) -> Document | None:
            number = documents.model_from(model).aliases.get(alias)
            return None if number is None else self._numbered(model, number)

        return self._version(workspace, name, find)

    def first_version(self, workspace: str, name: str, where: Document) -> ModelVersion | None:
        """Return the highest of the live versions of a live model that fit."""

        def find(model: Document) -> Document | None:
            these = {"model_id": model["id"], "live": True, **where}
            with self._db.guarded():
                return self._db["versions"].find_one(these, {"terms": 0}, sort=[("number", -1)])

        return self._version(workspace, name, find)

    def version_by_uuid(self, workspace: str, uuid: str) -> ModelVersion | None:
        """Return the live version of a live model that has a uuid."""
        with self._db.guarded():
            found = self._db["versions"].find_one({"uuid": uuid}, {"model_id": 1, "number": 1})
            model = found and self._db["models"].find_one({"_id": str(found["model_id"])})
        if found is None or model is None or model["workspace"] != workspace:
            return None
        return self.version(workspace, model["name"], int(found["number"]))

    def newest_in_stages(self, workspace: str, model_ids: Iterable[int]) -> list[ModelVersion]:
        """See `MetadataStore.newest_in_stages`."""
        ids = sorted(set(model_ids))
        newest: list[str] = []
        with self._db.guarded():
            these = {"_id": {"$in": [str(model_id) for model_id in ids]}}
            models = {
                model["id"]: model
                for model in self._db["models"].find(these, {"terms": 0})
                if model["live"] and model["workspace"] == workspace
            }
            if not models:
                return []
            live = {"model_id": {"$in": sorted(models)}, "live": True}
            shown = {"_id": 0, "model_id": 1, "stage_key": 1, "number": 1}  # all in one index
            found = [*self._db["versions"].find(live, shown)]
            found.sort(key=lambda v: (v["model_id"], v["stage_key"], v["number"]))
            stages = []
            for _, alike in groupby(found, lambda v: (v["model_id"], v["stage_key"])):
                in_stage = [*alike]
                lowest, highest = in_stage[0]["number"], in_stage[-1]["number"]
                model_id = in_stage[0]["model_id"]
                stages.append((model_id, lowest, documents.version_id(model_id, highest)))
            newest = [version_id for *_, version_id in sorted(stages)]
            by_id = {
                version["_id"]: version
                for version in self._db["versions"].find({"_id": {"$in": newest}}, {"terms": 0})
            }
        together = (
            _together(by_id[version_id], models[by_id[version_id]["model_id"]])
            for version_id in newest
            if "gone" not in by_id[version_id]
        )
        return [version for version in together if version is not None]

    def purgeable(self, deleted_before: datetime, limit: int) -> Sequence[tuple[ModelId, int]]:
        """See `MetadataStore.purgeable`."""
        long_gone = {"deleted_at": {"$lt": to_millis(deleted_before)}}
        with self._db.guarded():
            models = [*self._db["models"].find(long_gone, {"id": 1})]
            of_deleted = {"model_id": {"$in": [model["id"] for model in models]}}
            found: set[tuple[str, int, int]] = set()
            for where in (long_gone, of_deleted):
                versions = self._db["versions"].find(
                    {**where, "live": {"$in": [True, False]}},
                    {"_id": 0, "workspace": 1, "model_id": 1, "number": 1},
                )
                found.update(
                    (version["workspace"], version["model_id"], int(version["number"]))
                    for version in versions.limit(limit)
                )
        in_order = sorted(found, key=lambda each: each[1:])
        return [(ModelId(where, model_id), number) for where, model_id, number in in_order[:limit]]

    def _version(
        self, workspace: str, name: str, find: Callable[[Document], Document | None]
    ) -> ModelVersion | None:
        """Return the live version that `find` finds for the document of a live model."""
        for _ in range(_TRIES):
            model = self._names.bearer(name_id(workspace, name))
            if model is None:
                return None
            version = find(model)
            if version is None:
                return None
            if version["seq"] <= model["seq"]:
                return _together(version, model)
        raise Unavailable(
            f"{name!r:.200} is changed all the time, faster than it can be read.",
            hint="Try again.",
        )

    def _numbered(self, model: Document, number: int) -> Document | None:
        with self._db.guarded():
            return self._db["versions"].find_one(
                {"_id": documents.version_id(model["id"], number)}, {"terms": 0}
            )


def _together(version: Document, model: Document) -> ModelVersion | None:
    if not version.get("live"):
        return None
    return documents.version_from(version, documents.model_from(model))
