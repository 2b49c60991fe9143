"""Aliases: movable names for versions, with compare-and-swap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.entities import Reference, ReferenceKind, RegisteredModel, Status
from muniment.domain.values import JsonObject
from muniment.errors import NotFound, NotReady, PreconditionFailed
from muniment.services.base import live_model, live_version
from muniment.services.catalog.versions import Versions
from muniment.storage.metadata import Transaction


class Aliases(Versions):
    """The part of the catalog that is about aliases."""

    def aliases(self, model: str) -> Sequence[Reference]:
        """Return a model's aliases, by name."""
        self.model(model)
        references = self._store.references(self._caller.workspace, model)
        return [r for r in references if r.kind is ReferenceKind.ALIAS]

    def alias(self, model: str, alias: str) -> Reference:
        """Return one alias. Raises NotFound."""
        for reference in self.aliases(model):
            if reference.name == alias:
                return reference
        raise NotFound(
            f"{model!r:.200} has no alias {alias!r:.300}.",
            hint=f"`muniment alias {model:.200}` lists them.",
        )

    def set_alias(
        self,
        model: str,
        alias: str,
        version: int,
        *,
        expect: int | None = None,
        protected: bool | None = None,
        if_match: int | None = None,
    ) -> Reference:
        """Point an alias at a READY version; see `CatalogBackend.set_alias`.

        `if_match` is the revision that the alias itself must have, and so a compare-and-swap, too.
        """
        names.check_alias(alias)

        def decide(tx: Transaction) -> Reference:
            parent = self._model(tx, model, Verb.MOVE_ALIAS, alias=alias)
            target = live_version(tx, parent, version)
            if target.status is not Status.READY:
                raise NotReady(
                    f"Version {version} of {model!r:.200} is {target.status}; an alias needs a "
                    "READY one."
                )
            present = tx.reference(ReferenceKind.ALIAS, alias)
            if protected is not None or (present is not None and present.protected):
                self._permitted(Verb.PROTECT_ALIAS, parent, alias=alias)
            moves = present is None or present.version != version
            _check_swap(alias, present, expect, if_match, moves=moves)
            now = self._now(parent)
            reference = pointed(
                present, alias, version, at=now, by=self._caller.actor, protected=protected
            )
            if present is not None and (present.version, present.protected) == (
                reference.version,
                reference.protected,
            ):
                return present
            point_alias(tx, parent, present, reference)
            return reference

        return self._store.transact(self._key(model), decide)

    def delete_alias(
        self, model: str, alias: str, *, expect: int | None = None, if_match: int | None = None
    ) -> None:
        """Remove an alias; a missing one is fine (unless `expect` or `if_match` says otherwise)."""

        def decide(tx: Transaction) -> None:
            parent = self._model(tx, model, Verb.MOVE_ALIAS, alias=alias)
            present = tx.reference(ReferenceKind.ALIAS, alias)
            if present is not None and present.protected:
                self._permitted(Verb.PROTECT_ALIAS, parent, alias=alias)
            _check_swap(alias, present, expect, if_match, moves=present is not None)
            if present is None:
                return
            tx.drop_reference(ReferenceKind.ALIAS, alias)
            _show_alias(tx, parent, {present.version})
            tx.record(
                self._entry(
                    ActivityKind.ALIAS_DELETED,
                    self._now(parent),
                    version=present.version,
                    details={"alias": alias, "from": present.version},
                )
            )

        self._store.transact(self._key(model), decide)


def pointed(
    present: Reference | None,
    alias: str,
    version: int,
    *,
    at: datetime,
    by: str,
    protected: bool | None = None,
) -> Reference:
    """Return what `present` (None: there is none yet) becomes when it points at `version`."""
    return Reference(
        kind=ReferenceKind.ALIAS,
        name=alias,
        version=version,
        protected=protected if protected is not None else bool(present and present.protected),
        updated_at=at,
        updated_by=by,
        revision=1 if present is None else present.revision + 1,
    )


def point_alias(
    tx: Transaction,
    model: RegisteredModel,
    present: Reference | None,
    reference: Reference,
    *,
    comment: str = "",
    rollback: bool = False,
) -> None:
    """Save an alias that was moved, with its activity."""
    tx.save_reference(reference)
    _show_alias(tx, model, {reference.version} | ({present.version} if present else set()))
    details: JsonObject = {
        "alias": reference.name,
        "from": present.version if present else None,
        "to": reference.version,
        "protected": reference.protected,
    }
    if rollback:
        details["rollback"] = True
    tx.record(
        Entry(
            ActivityKind.ALIAS_SET,
            reference.updated_by,
            reference.updated_at,
            version=reference.version,
            comment=comment,
            details=details,
        )
    )


def _show_alias(tx: Transaction, model: RegisteredModel, numbers: set[int]) -> None:
    """Raise the revisions of what shows the alias, so that their ETags change."""
    parent = live_model(tx, model.name)
    tx.save_model(replace(parent, revision=parent.revision + 1))
    for number in sorted(numbers):
        if shown := tx.version(number):
            tx.save_version(replace(shown, revision=shown.revision + 1))


def _check_swap(
    alias: str, present: Reference | None, expect: int | None, if_match: int | None, *, moves: bool
) -> None:
    at = 0 if present is None else present.version
    revision = 0 if present is None else present.revision
    if if_match is not None and if_match != revision:
        raise PreconditionFailed(
            f"The alias {alias!r} "
            + (f"has the revision {revision}" if revision else "does not exist")
            + f"; it must have the revision {if_match}.",
            hint="Read it again, and repeat the change if it still makes sense.",
            details={"revision": revision},
        )
    if expect is not None and expect != at:
        raise PreconditionFailed(
            f"The alias {alias!r} "
            + (f"points at version {at}" if at else "does not exist")
            + (f", not at version {expect}." if expect else ", but must not exist."),
            hint="Read it again, and repeat the change if it still makes sense.",
            details={"version": at},
        )
    if present is not None and present.protected and moves and expect is None and if_match is None:
        raise PreconditionFailed(
            f"The alias {alias!r} is protected; it points at version {at}.",
            hint=f"Say what you replace: expect={at}.",
            details={"version": at},
        )
