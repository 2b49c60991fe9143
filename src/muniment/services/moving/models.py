"""A model's sheet, put into a registry: the same numbers, times, digests and history.

    not here ──> coming in ──> here            a model that comes in is deleted and has a name of
                  │    ^                       its own, so that nobody sees a half of it
                  └────┘ in pieces
    here ──> here, as the sheet says           only if its history is the beginning of the sheet's,
                                               and only where registries move (not for imports)

Versions and history come in pieces, each one transaction; the rest, and the name, in the last one.
Whatever stops it, the same sheet goes on where it stopped, and changes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from muniment.domain import names
from muniment.domain.activities import Entry
from muniment.domain.deployments import Use
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.domain.records import Record, RecordKind
from muniment.errors import AlreadyExists, Conflict, Corrupt, InvalidInput
from muniment.services.catalog.models import free_slug
from muniment.services.moving.model_sheets import ModelSheet, Rest
from muniment.services.moving.sheets import Sheet
from muniment.storage.factory import Stores
from muniment.storage.metadata import ModelId, ModelName, Transaction
from muniment.storage.webhooks import Dispatch

T = TypeVar("T")
VERSIONS_AT_ONCE: Final = 100
ENTRIES_AT_ONCE: Final = 500
USES_AT_ONCE: Final = 1_000

ReadManifest = Callable[[str], Manifest | None]


class ModelRestorer:
    """Puts models into one registry.

    Args:
        read_manifest: returns the manifest of a digest, whose blobs are all in the registry.
        update: whether a model that is here already may be brought to what the sheet says.
        by: who is written into the history of a model that gets another name.
    """

    def __init__(
        self,
        stores: Stores,
        read_manifest: ReadManifest,
        *,
        update: bool,
        by: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._stores = stores
        self._store = stores.metadata
        self._read_manifest = read_manifest
        self._update = update
        self._by = by
        self._clock = clock

    def put(self, sheet: Sheet, *, into: str | None = None) -> str:
        """Put a model; return "new", "changed", or "same" if it is here already as it should be.

        Raises:
            Conflict: the name is another model's, or the model has gone its own way here.
            Corrupt: the sheet, or what is here, does not verify.
        """
        plan = self._planned(sheet, into)
        here = self._store.model_by_uuid(plan.model.uuid)
        if here is not None and is_like(here, plan):
            return "same"
        self._refuse_taken(plan, here)
        fresh, was_here = here is None, here is not None and not _is_coming(here)
        if here is None:
            here = self._admit(plan)
        elif was_here:
            self._refuse_other_way(plan, here)
        # what is history already is no news for webhooks
        dispatch = Dispatch(here.id, plan.history_length)
        self._stores.webhooks.dispatch([dispatch], self._clock())
        key = ModelId(here.workspace, here.id)
        self._put_versions(key, plan, fresh=fresh)
        self._put_history(key, plan)
        rest = plan.rest()
        self._put_uses(here, rest.uses, fresh=fresh)
        self._store.transact(key, lambda tx: _finish(tx, plan, rest))
        return "changed" if was_here else "new"

    # -- may it come in? -------------------------------------------------------------------------

    def _planned(self, sheet: Sheet, into: str | None) -> ModelSheet:
        now = self._clock()
        plan = ModelSheet(sheet, into=into, copied=False, by=self._by, now=now)
        here = self._store.model_by_uuid(plan.model.uuid)
        if into is None or here is None or _is_coming(here) or here.name == into:
            return plan
        return ModelSheet(sheet, into=into, copied=True, by=self._by, now=now)

    def _refuse_taken(self, plan: ModelSheet, here: RegisteredModel | None) -> None:
        if here is not None and not _is_coming(here) and not self._update:
            raise Conflict(
                f"The model {here.name!r:.200} is here already, and not as in the archive: it has "
                f"{here.activity_count} entries of history, there {plan.history_length}.",
                hint="Import it into another name with --into; nothing is ever merged.",
                details={"model": here.name},
            )
        model = plan.model
        if model.deleted_at is not None:
            return
        other = self._store.model(ModelName(model.workspace, model.name))
        if other is not None and other.uuid != model.uuid:
            raise Conflict(
                f"There is another model {model.name!r:.200} here.",
                hint="Import it into another name with --into; nothing is ever merged.",
                details={"model": model.name},
            )

    def _refuse_other_way(self, plan: ModelSheet, here: RegisteredModel) -> None:
        """Raise Conflict unless the history here is the beginning of the sheet's."""
        if not here.activity_count:
            return
        at = next(islice(plan.entries(), here.activity_count - 1, None), None)
        if at is None or at[1] != here.activity_head:
            raise Conflict(
                f"The model {here.name!r:.200} was changed where it is to go.",
                hint="Begin anew with an empty place.",
                details={"model": here.name},
            )

    # -- coming in -------------------------------------------------------------------------------

    def _admit(self, plan: ModelSheet) -> RegisteredModel:
        model = plan.model
        coming = replace(
            model,
            name=_coming_name(model.uuid),
            slug=f"coming-{model.uuid}",
            deleted_at=self._clock(),
        )
        key = ModelName(model.workspace, coming.name)
        return self._store.transact(key, lambda tx: tx.add_model(coming))

    def _put_versions(self, key: ModelId, plan: ModelSheet, *, fresh: bool) -> None:
        wanted: set[int] = set()
        for piece in _pieces(plan.versions(), VERSIONS_AT_ONCE):
            wanted.update(version.version for version in piece)
            manifests = self._manifests(piece)
            self._store.transact(key, _putting_versions(piece, manifests, fresh=fresh))
        if fresh:
            return
        here = (one for one in self._store.belongings(key.id) if isinstance(one, ModelVersion))
        gone = [version.version for version in here if version.version not in wanted]
        for numbers in _pieces(gone, VERSIONS_AT_ONCE):
            self._store.transact(key, _purging(numbers))

    def _manifests(self, versions: Iterable[ModelVersion]) -> list[Manifest]:
        digests = dict.fromkeys(v.digest for v in versions if v.digest is not None)
        found = (self._read_manifest(digest) for digest in digests)
        return [manifest for manifest in found if manifest is not None]

    def _put_history(self, key: ModelId, plan: ModelSheet) -> None:
        model = self._store.model(key)
        entries = islice(plan.entries(), 0 if model is None else model.activity_count, None)
        for piece in _pieces(entries, ENTRIES_AT_ONCE):
            self._store.transact(key, _recording(piece))

    def _put_uses(self, here: RegisteredModel, uses: Sequence[Use], *, fresh: bool) -> None:
        counted = {
            (use.version, use.consumer, use.kind)
            for use in (() if fresh else self._store.belongings(here.id))
            if isinstance(use, Use)
        }
        new = (
            replace(use, model_id=here.id)
            for use in uses
            if (use.version, use.consumer, use.kind) not in counted
        )
        for piece in _pieces(new, USES_AT_ONCE):
            self._store.add_uses(piece)


def is_like(here: RegisteredModel, plan: ModelSheet) -> bool:
    """Say whether a model is here as the sheet says, as its history and revision tell."""
    head = "" if plan.renamed or plan.copied else plan.origin.activity_head
    return (here.name, here.deleted_at, here.revision, here.activity_count) == (
        plan.model.name,
        plan.model.deleted_at,
        plan.model.revision,
        plan.history_length,
    ) and head in ("", here.activity_head)


def _coming_name(uuid: str) -> str:
    return f"{uuid} (coming in)"


def _is_coming(model: RegisteredModel) -> bool:
    return model.deleted_at is not None and model.name == _coming_name(model.uuid)


# -- inside of transactions ----------------------------------------------------------------------


def _putting_versions(
    versions: Sequence[ModelVersion], manifests: Sequence[Manifest], *, fresh: bool
) -> Callable[[Transaction], None]:
    def decide(tx: Transaction) -> None:
        for manifest in manifests:
            tx.add_manifest(manifest)
        for version in versions:
            here = None if fresh else tx.version(version.version)
            if here is None:
                tx.add_version(version)
            elif here.uuid != version.uuid:
                raise Conflict(f"There is another version {version.version} here.")
            else:
                tx.save_version(version)

    return decide


def _purging(numbers: Sequence[int]) -> Callable[[Transaction], None]:
    def decide(tx: Transaction) -> None:
        for number in numbers:
            tx.purge_version(number)

    return decide


def _recording(entries: Sequence[tuple[Entry, str]]) -> Callable[[Transaction], None]:
    def decide(tx: Transaction) -> None:
        for entry, hashed in entries:
            activity = tx.record(entry)
            if hashed not in ("", activity.hash):
                raise Corrupt(
                    f"Entry {activity.sequence} of the history gets another hash here than it had.",
                    hint="The model was changed while it came in. Begin anew, with another name.",
                    details={"sequence": activity.sequence},
                )

    return decide


def _finish(tx: Transaction, plan: ModelSheet, rest: Rest) -> None:
    model = plan.model
    kept = {(one.kind, one.name): one for one in rest.references}
    for reference in tx.references():
        if (reference.kind, reference.name) not in kept:
            tx.drop_reference(reference.kind, reference.name)
    for reference in rest.references:
        if tx.reference(reference.kind, reference.name) != reference:
            tx.save_reference(reference)
    _put_records(tx, rest.records)
    for remembered in rest.remembered:
        if tx.remembered(remembered.key) is None:
            tx.remember(remembered)
    here = tx.model()
    if here is None:
        raise InvalidInput(f"The model {model.name!r:.200} is gone while it came in.")
    slug = names.slug_of(model.name) if plan.renamed else model.slug
    if model.deleted_at is None and (here.deleted_at is not None or here.slug != slug):
        slug = free_slug(tx, slug)
    tx.save_model(replace(model, slug=slug))


def _put_records(tx: Transaction, records: Sequence[Record]) -> None:
    """Put records under their ids; where one is taken, this and all later ones under new ids.

    So they keep their order, which says what came last. Comments learn the new ids.
    """
    here = {record.id: record for kind in RecordKind for record in tx.records(kind)}
    moved: dict[int, int] = {}
    for record in records:
        record = _about(record, moved)
        present = here.pop(record.id, None)
        if present is not None:
            if replace(present, model_id=0) != record:
                tx.save_record(record)
            continue
        if not moved:
            try:
                tx.add_record(record)
                continue
            except AlreadyExists:
                pass
        moved[record.id] = tx.add_record(replace(record, id=0)).id
    for gone in here:
        tx.drop_record(gone)


def _about(record: Record, moved: dict[int, int]) -> Record:
    """Return a comment on a request by the id that the request has here."""
    asked = record.body.get("request")
    if record.kind is not RecordKind.COMMENT or not isinstance(asked, int) or asked not in moved:
        return record
    old, new = f"request:{asked}", f"request:{moved[asked]}"
    keys = tuple(new if key == old else key for key in record.keys)
    return replace(record, body={**record.body, "request": moved[asked]}, keys=keys)


def _pieces(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece
