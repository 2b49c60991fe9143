"""Who uses which version: noted in memory, summed, and written together, never once per read.

    reads ──note──> {(version, consumer, kind): first, last, count} ──every second──> add_uses

What a crash loses is the last second. A version may be deleted or its model renamed before it is
written down: uses are kept by the version's uuid until then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from muniment.domain.caller import Caller
from muniment.domain.deployments import Use, UseKind
from muniment.domain.entities import ModelVersion
from muniment.errors import MunimentError
from muniment.services.waiting import MustWait, must_not_wait
from muniment.storage.metadata import MetadataStore, ModelName

FLUSH_SECONDS: Final = 1.0
MAX_NOTED: Final = 10_000
"""Different uses in memory; while there are so many, new ones are not noted."""

_Key: TypeAlias = tuple[str, str, str, UseKind]  # workspace, uuid of the version, consumer, kind
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sum:
    named: bool
    first_at: datetime
    last_at: datetime
    count: int = 1

    def add(self, other: _Sum) -> None:
        self.named = self.named or other.named
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)
        self.count += other.count


class Observer:
    """Notes uses of the versions in one store. Safe for many threads."""

    def __init__(self, store: MetadataStore) -> None:
        self._store = store
        self._noted: dict[_Key, _Sum] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._failed = False
        self._thread: threading.Thread | None = None

    def note(self, version: ModelVersion, caller: Caller, kind: UseKind, at: datetime) -> None:
        """Note a use by what the caller calls itself, else by its name."""
        named = caller.consumer is not None
        key = (version.workspace, version.uuid, caller.consumer or caller.actor, kind)
        with self._lock:
            known = self._noted.get(key)
            if known is not None:
                known.last_at = at
                known.count += 1
                known.named = known.named or named
            elif len(self._noted) < MAX_NOTED and not self._closed:
                self._noted[key] = _Sum(named, at, at)
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="muniment-observer", daemon=True
                    )
                    self._thread.start()

    def flush(self) -> None:
        """Write what is noted; what can't be written now is kept for the next time.

        Raises:
            MustWait: there is something, and this call must not wait for it.
        """
        if must_not_wait():
            if self._noted or self._writing.locked():
                raise MustWait
            return
        with self._writing:  # so that whoever flushes waits for what another took
            with self._lock:
                taken, self._noted = self._noted, {}
            if not taken:
                return
            try:
                self._store.add_uses(self._located(taken))
            except MunimentError as error:
                self._put_back(taken)
                if not self._failed:  # said once, not every second
                    _log.warning("Uses of versions can't be written: %s", error)
                self._failed = True
            else:
                self._failed = False

    def close(self) -> None:
        """Write what is noted, and end."""
        with self._lock:
            self._closed, thread = True, self._thread
        self._wake.set()
        if thread is not None:
            thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._wake.wait(FLUSH_SECONDS):
            self.flush()

    def _located(self, taken: Mapping[_Key, _Sum]) -> list[Use]:
        """Return uses as they are kept: by model and number. Versions now gone have none."""
        versions: dict[tuple[str, str], tuple[ModelVersion, int] | None] = {}
        for workspace, uuid, _, _ in taken:
            if (workspace, uuid) not in versions:
                versions[workspace, uuid] = self._find(workspace, uuid)
        return list(_uses(taken, versions))

    def _find(self, workspace: str, uuid: str) -> tuple[ModelVersion, int] | None:
        version = self._store.version_by_uuid(workspace, uuid)
        model = version and self._store.model(ModelName(workspace, version.model))
        return (version, model.id) if version and model else None

    def _put_back(self, taken: Mapping[_Key, _Sum]) -> None:
        with self._lock:
            for key, summed in taken.items():
                if key in self._noted:
                    self._noted[key].add(summed)
                elif len(self._noted) < MAX_NOTED:
                    self._noted[key] = summed


def _uses(
    taken: Mapping[_Key, _Sum],
    versions: Mapping[tuple[str, str], tuple[ModelVersion, int] | None],
) -> Iterator[Use]:
    for (workspace, uuid, consumer, kind), summed in taken.items():
        found = versions[workspace, uuid]
        if found is not None:
            version, model_id = found
            yield Use(
                model=version.model,
                version=version.version,
                consumer=consumer,
                named=summed.named,
                kind=kind,
                first_at=summed.first_at,
                last_at=summed.last_at,
                count=summed.count,
                model_id=model_id,
            )
