"""Versions that wait for their checks."""

from __future__ import annotations

from muniment.domain.checking import due_record
from muniment.domain.checks import CheckState
from muniment.domain.entities import ModelVersion
from muniment.domain.replacing import replace
from muniment.services.base import Ports
from muniment.storage.metadata import Transaction


def note_due(ports: Ports, tx: Transaction, version: ModelVersion) -> ModelVersion:
    """Note in the transaction that seals a version that it waits for its checks, if any run.

    Returns what is to be saved: the version as one that waits, unless a check has failed already.
    """
    if not ports.runs_checks or version.digest is None:
        return version
    tx.add_record(due_record(version.version, version.updated_at))
    if version.checks is CheckState.FAILED:
        return version
    return replace(version, checks=CheckState.WAITING)
