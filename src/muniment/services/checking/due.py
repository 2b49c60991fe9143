"""Versions that wait for their checks."""

from __future__ import annotations

from muniment.domain.checking import due_record
from muniment.domain.entities import ModelVersion
from muniment.services.base import Ports
from muniment.storage.metadata import Transaction


def note_due(ports: Ports, tx: Transaction, version: ModelVersion) -> None:
    """Note in the transaction that seals a version that it waits for its checks, if any run."""
    if ports.runs_checks and version.digest is not None:
        tx.add_record(due_record(version.version, version.updated_at))
