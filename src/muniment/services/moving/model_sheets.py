"""What a model's sheet says, checked before anything of it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from muniment.domain import names
from muniment.domain.activities import Activity, ActivityKind, Entry, verify_chain
from muniment.domain.checking import check_states
from muniment.domain.checks import CheckState
from muniment.domain.deployments import Use
from muniment.domain.entities import ModelVersion, Reference
from muniment.domain.records import Record
from muniment.errors import Corrupt
from muniment.services.moving import documents
from muniment.services.moving.sheets import Sheet
from muniment.storage.metadata import Remembered


@dataclass(slots=True)
class Rest:
    """What of a model is put in its last transaction, and its uses."""

    references: list[Reference] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    remembered: list[Remembered] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)


class ModelSheet:
    """What a model's sheet says, checked before anything is written.

    Args:
        into: another name for the model; its history says so.
        copied: whether it is to be another model than the one that it comes from, which is in the
            same registry: then it has a uuid of its own, and so other hashes in its history.

    Raises:
        Corrupt: the history does not verify.
        InvalidInput: a name breaks the rules; nothing that Muniment wrote does that.
    """

    def __init__(
        self, sheet: Sheet, *, into: str | None, copied: bool, by: str, now: datetime
    ) -> None:
        self._sheet = sheet
        first = next(documents.parts(iter(sheet)), None)
        if first is None or first[0] != "model":
            raise Corrupt(f"{sheet.name!r:.200} does not begin with a model.")
        self.origin: Final = documents.model_from(first[1])
        self.copied: Final = copied
        self._into, self._by, self._now = into, by, now
        name = names.check_model_name(into or self.origin.name)
        self.model: Final = replace(
            self.origin, name=name, uuid=self._uuid(self.origin.uuid), activity_head=""
        )
        self._verify_history()

    def _verify_history(self) -> None:
        count, head = self.origin.activity_count, self.origin.activity_head
        try:
            verify_chain(self._activities(), count=count, head=head)
        except Corrupt as error:
            raise Corrupt(
                f"In the history of {self.origin.name!r:.200}: {error.message}",
                hint="Take another copy of the archive, or make it anew.",
                details={**error.details, "model": self.origin.name},
            ) from error

    @property
    def renamed(self) -> bool:
        """Whether it gets another name than it had."""
        return self._into is not None and self._into != self.origin.name

    @property
    def history_length(self) -> int:
        """How many entries its history has here, once it is in."""
        return self.origin.activity_count + self.renamed

    def versions(self) -> Iterator[ModelVersion]:
        """Yield its versions by number; in older sheets only records tell what checks say."""
        checks = check_states(self.rest().records)
        for kind, document in documents.parts(iter(self._sheet)):
            if kind == "version":
                version = documents.belonging_from(kind, document, self.model)
                assert isinstance(version, ModelVersion)  # noqa: S101
                state = checks.get(version.version, CheckState.NONE)
                yield replace(version, uuid=self._uuid(version.uuid), checks=state)

    def entries(self) -> Iterator[tuple[Entry, str]]:
        """Yield its history, and the hash that each entry must get ("": any)."""
        for activity in self._activities():
            yield documents.entry_of(activity), "" if self.copied else activity.hash
        if self.renamed:
            details = {"from": self.origin.name, "to": self.model.name}
            kind = ActivityKind.MODEL_RENAMED
            yield Entry(kind, self._by, self._now, comment="imported", details={**details}), ""

    def rest(self) -> Rest:
        """Return what is neither a version nor history."""
        rest = Rest()
        for kind, document in documents.parts(iter(self._sheet)):
            if kind in ("model", "version", "activity"):
                continue
            match documents.belonging_from(kind, document, self.model):
                case Reference() as reference:
                    rest.references.append(reference)
                case Record() as record:
                    rest.records.append(record)
                case Remembered() as remembered:
                    rest.remembered.append(remembered)
                case Use() as use:
                    rest.uses.append(use)
        return rest

    def _activities(self) -> Iterator[Activity]:
        for kind, document in documents.parts(iter(self._sheet)):
            if kind == "activity":
                yield Activity.from_json(document)

    def _uuid(self, uuid: str) -> str:
        return uuid5(NAMESPACE_OID, f"{uuid} {self._into}").hex if self.copied else uuid
