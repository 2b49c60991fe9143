"""Processes that die before a write to MongoDB: each writing command is a step of their lives."""

from __future__ import annotations

from pathlib import Path

from pymongo import monitoring

from muniment.storage.conformance.crashes import Mortal
from muniment.storage.mongo import open_mongo
from muniment.storage.mongo.connection import Connection
from muniment.storage.mongo.store import MongoMetadataStore
from tests.parts.mongodb import database_at

_WRITING = ("insert", "update", "delete", "findAndModify")


class _Steps(monitoring.CommandListener):
    def __init__(self, mortal: Mortal) -> None:
        self._mortal = mortal

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in _WRITING:  # it is not sent yet
            self._mortal.step()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def open_at(path: Path) -> MongoMetadataStore:
    """Open the store whose database stands for `path`."""
    return open_mongo(database_at(path))


def open_mortal(mortal: Mortal, path: Path) -> MongoMetadataStore:
    """Open it in a process that dies before one of its writes, which are steps from now on.

    Collections and indexes are there already: to look for each of them takes longer than a life.
    """
    monitoring.register(_Steps(mortal))
    return MongoMetadataStore(Connection.open(database_at(path)))
