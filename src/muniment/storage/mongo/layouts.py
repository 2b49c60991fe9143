"""What older layouts lack, brought up to date when a database is opened.

    1 ──> 2    versions say what their checks say together

All of it may be done twice, or by several processes at once, while others work.
"""

from __future__ import annotations

from typing import Final

from pymongo import UpdateOne

from muniment.domain.checking import CHECK_KINDS, check_states
from muniment.storage.mongo import entries
from muniment.storage.mongo.commits import Commits
from muniment.storage.mongo.connection import Connection, Document

LAYOUT: Final = 2
_OF_CHECKS: Final[Document] = {"kind": {"$in": [kind.value for kind in CHECK_KINDS]}}


def bring_forward(connection: Connection, layout: int) -> None:
    """Bring what is in a database from a layout to today's."""
    if layout < 2:
        _note_checks(connection)


def _note_checks(connection: Connection) -> None:
    Commits(connection).settle_all()  # what a process left behind may lack them, too
    with connection.guarded():
        lacking: Document = {"checks": {"$exists": False}, "gone": {"$exists": False}}
        connection["versions"].update_many(lacking, {"$set": {"checks": ""}})
        models = connection["records"].distinct("model_id", _OF_CHECKS)
    for model_id in models:
        _note_checks_of(connection, model_id)


def _note_checks_of(connection: Connection, model_id: int) -> None:
    """Note them with a model's versions, but for those that somebody writes meanwhile."""
    of_model: Document = {"model_id": model_id}
    seen = list(connection.walk("versions", of_model, "number", number=1, seq=1))
    records = connection.walk("records", {**of_model, **_OF_CHECKS}, "id")
    states = check_states(entries.record_from(record) for record in records)
    changes = [
        UpdateOne(
            {"_id": version["_id"], "seq": version["seq"]},
            {"$set": {"checks": states[number].value}},
        )
        for version in seen
        if (number := int(version["number"])) in states
    ]
    if changes:
        with connection.guarded():
            connection["versions"].bulk_write(changes, ordered=False)
