"""What is exported of a version, for others: model card, bill of materials, evidence pack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Final, TypeVar

from muniment.domain.access import Asked, Verb
from muniment.domain.activities import Activity
from muniment.domain.checks import CheckResult
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.requests import TransitionRequest
from muniment.errors import Conflict
from muniment.services.lineage.lineage import Lineage
from muniment.services.provenance.boms import bom_of
from muniment.services.provenance.cards import card_of
from muniment.services.provenance.evidence import pack_of
from muniment.services.provenance.facts import Facts
from muniment.services.provenance.signatures import VersionSignatures

T = TypeVar("T")
_TRIES: Final = 5
_PIECE: Final = 500
_SENT_AT_ONCE: Final = 2**18


class Provenance(VersionSignatures):
    """Signatures, trusted keys and exports, for one caller."""

    def card(self, model: str, number: int) -> str:
        """Return the model card of a version: Markdown, with YAML on top. Raises NotFound."""
        return card_of(self._facts(*self._readable_version(model, number)))

    def bom(self, model: str, number: int) -> bytes:
        """Return the bill of materials of a version: CycloneDX, as JSON. Raises NotFound."""
        return bom_of(self._facts(*self._readable_version(model, number)))

    def evidence(self, model: str, number: int) -> Iterator[bytes]:
        """Return the evidence pack of a version, in pieces.

        It is of one moment, and made before this returns.

        Raises:
            NotFound: there is no such version.
            Conflict: the model changes all the time.
        """
        for _ in range(_TRIES):
            parent, version = self._readable_version(model, number)
            keys = self.keys()
            pack = pack_of(self._facts(parent, version), keys, self._history(parent))
            if self._unchanged(parent, version) and keys == self.keys():
                return _pieces(pack)
            pack.close()
        raise Conflict(
            f"The model {model!r:.200} changes faster than it can be read.", hint="Try again."
        )

    # --------------------------------------------------------------------------------------------

    def _facts(self, parent: RegisteredModel, version: ModelVersion) -> Facts:
        name, number = parent.name, version.version
        manifest = None if version.digest is None else self._ports.read_manifest(version.digest)

        def filed(kind: RecordKind, read: Callable[[Record, str], T]) -> tuple[T, ...]:
            return tuple(read(record, name) for record in self._all(kind, parent.id, number))

        return Facts(
            model=parent,
            version=version,
            manifest=manifest,
            checks=filed(RecordKind.CHECK, CheckResult.from_record),
            requests=filed(RecordKind.REQUEST, TransitionRequest.from_record),
            lineage=tuple(Lineage(self._ports, self._caller).edges(name, number)),
            signatures=self._judged(parent, version),
            read=self._reader(parent),
        )

    def _reader(self, parent: RegisteredModel) -> Callable[[str], bytes]:
        """Return what reads files: nothing, for who may see the model, but not its bytes."""
        if self._caller.principal.may(Verb.DOWNLOAD, Asked.about(parent)):
            return self._ports.blobs.read_all
        return lambda digest: b""

    def _all(self, kind: RecordKind, model_id: int, number: int) -> Iterator[Record]:
        after = 0
        while True:
            query = RecordQuery(
                self._caller.workspace,
                kind,
                model_id=model_id,
                version=number,
                after=after,
                limit=_PIECE,
            )
            records = self._store.find_records(query)
            yield from records
            if len(records) < _PIECE:
                return
            after = records[-1].id

    def _history(self, parent: RegisteredModel) -> Iterator[Activity]:
        """Yield the model's history, as long as it was when `parent` was read."""
        after = 0
        while after < parent.activity_count:
            limit = min(_PIECE, parent.activity_count - after)
            piece = self._store.activities(parent.id, after=after, limit=limit)
            if not piece:
                return
            yield from piece
            after = piece[-1].sequence

    def _unchanged(self, parent: RegisteredModel, version: ModelVersion) -> bool:
        return self._readable_version(parent.name, version.version) == (parent, version)


def _pieces(pack: IO[bytes]) -> Iterator[bytes]:
    with pack:
        while piece := pack.read(_SENT_AT_ONCE):
            yield piece
