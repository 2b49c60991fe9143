"""Histories: that of one model, and what happened in a whole workspace."""

from __future__ import annotations

from datetime import datetime

from muniment.domain.activities import Activity, Happened
from muniment.domain.values import to_millis
from muniment.storage.mongo import entries
from muniment.storage.mongo.connection import Connection, Document
from muniment.storage.records import Place


def of_model(
    connection: Connection,
    model_id: int,
    *,
    after: int,
    limit: int,
    newest_first: bool,
    kinds: frozenset[str] | None,
    version: int | None,
    until: datetime | None,
) -> list[Activity]:
    """Return what `MetadataStore.activities` does."""
    with connection.guarded():
        model = connection["models"].find_one({"_id": str(model_id)}, {"activity_count": 1})
        if model is None:
            return []
        # Of a commit that is under way the activities come first: they are not seen yet.
        sequence = {"$lte": model["activity_count"]}
        if after:
            sequence["$lt" if newest_first else "$gt"] = after
        where = {"model_id": model_id, "sequence": sequence, **_of_kinds(kinds)}
        if version is not None:
            where["version"] = version
        if until is not None:
            where["at"] = {"$lte": to_millis(until)}
        found = connection["activities"].find(where).sort("sequence", -1 if newest_first else 1)
        return [entries.activity_from(activity) for activity in found.limit(limit)]


def of_workspace(
    connection: Connection,
    workspace: str,
    *,
    before: Place | None,
    kinds: frozenset[str] | None,
    actor: str | None,
    limit: int,
) -> list[Happened]:
    """Return what `RecordStore.happened` does."""
    where: Document = {"workspace": workspace, **_of_kinds(kinds)}
    if actor is not None:
        where["actor"] = actor
    if before is not None:
        at = to_millis(before.at)
        where["at"] = {"$lte": at}
        where["$or"] = [
            {"at": {"$lt": at}},
            {"model_id": {"$lt": before.model_id}},
            {"model_id": before.model_id, "sequence": {"$lt": before.sequence}},
        ]
    latest_first = [("at", -1), ("model_id", -1), ("sequence", -1)]
    happened: list[Happened] = []
    names: dict[int, str] = {}
    counts: dict[int, int] = {}
    with connection.guarded():
        for activity in connection["activities"].find(where).sort(latest_first):
            model_id = activity["model_id"]
            if model_id not in counts:
                model = connection["models"].find_one(
                    {"_id": str(model_id)}, {"name": 1, "live": 1, "activity_count": 1}
                )
                is_live = model is not None and model["live"]
                counts[model_id] = model["activity_count"] if model and is_live else 0
                names[model_id] = model["name"] if model else ""
            if activity["sequence"] <= counts[model_id]:
                entry = entries.activity_from(activity)
                happened.append(Happened(names[model_id], model_id, entry))
                if len(happened) == limit:
                    break
    return happened


def _of_kinds(kinds: frozenset[str] | None) -> Document:
    return {} if kinds is None else {"kind": {"$in": sorted(kinds)}}
