"""Registered models: create, change, rename, delete, restore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from uuid import uuid4

from muniment.domain import names
from muniment.domain.access import Asked, Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.changes import NOTHING, ModelChanges, merge
from muniment.domain.entities import ReferenceKind, RegisteredModel
from muniment.domain.replacing import replace
from muniment.domain.values import JsonObject, canonical_json, sha256_hex
from muniment.errors import (
    AlreadyExists,
    Conflict,
    IdempotencyKeyReused,
    NotFound,
    PermissionDenied,
)
from muniment.services.base import Service, check_revision, live_model, no_model, same
from muniment.services.usage.in_use import recent_uses, refuse_model_in_use
from muniment.storage.metadata import ModelId, Remembered, Transaction

T = TypeVar("T")
_TRIES: Final = 10


class Models(Service):
    """The part of the catalog that is about registered models as a whole."""

    def create_model(
        self,
        name: str,
        changes: ModelChanges = NOTHING,
        *,
        idempotency_key: str | None = None,
    ) -> RegisteredModel:
        """Register a name, with a description and tags."""
        names.check_model_name(name)
        tags = names.check_values(merge({}, changes.tags), "tag", names.MAX_TAGS)
        self._require(Verb.CREATE_MODEL, Asked(name, tags))
        request = ""
        if idempotency_key:
            request = sha256_hex(canonical_json({"name": name, **changes.to_json()}))

        def decide(tx: Transaction) -> RegisteredModel:
            present = tx.model()
            if present is not None:
                may_read = self._caller.principal.may(Verb.READ, Asked.about(present))
                if idempotency_key and may_read and (done := tx.remembered(idempotency_key)):
                    check_same_request(done, request)
                    return present
                raise AlreadyExists(
                    f"There is a model {name!r:.200} already.",
                    hint="Add a version to it, or choose another name.",
                )
            model = self._add_model(tx, name, changes)
            if idempotency_key:
                tx.remember(Remembered(idempotency_key, request, None, model.created_at))
            return tx.model() or model

        return self._transact_to_make(name, decide)

    def model(self, name: str) -> RegisteredModel:
        """Return a live model."""
        model = self._store.model(self._key(name))
        if model is None:
            raise no_model(name)
        return self._permitted(Verb.READ, model)

    def update_model(
        self, name: str, changes: ModelChanges, *, if_match: int | None = None
    ) -> RegisteredModel:
        """Apply a merge patch. Tags alone don't count as an update of `updated_at`.

        A description always does, also if it is the old one.

        Raises:
            PermissionDenied: also for a tag by which somebody's grant is limited, unless the
                caller manages grants.
        """

        limiting = self._limiting_tags() if changes.tags else frozenset()

        def decide(tx: Transaction) -> RegisteredModel:
            model = self._model(tx, name, Verb.UPDATE_MODEL)
            check_revision(model, if_match)
            changed = changes.apply(model)
            if changes.description is None and same(changed, model):
                return model
            for key in sorted(limiting & changes.tags.keys()):
                if changed.tags.get(key) != model.tags.get(key):
                    raise PermissionDenied(
                        f"Grants are limited by the tag {key!r}: who changes it changes who may "
                        f"do what with {name!r:.200}.",
                        hint="Ask somebody who manages the grants of the workspace.",
                        details={"verb": Verb.GRANT.value, "model": name},
                    )
            now = self._now(model)
            tx.save_model(
                replace(
                    changed,
                    updated_at=model.updated_at if changes.description is None else now,
                    revision=model.revision + 1,
                )
            )
            tx.record(self._entry(ActivityKind.MODEL_UPDATED, now, details=changes.to_json()))
            return live_model(tx, name)

        return self._store.transact(self._key(name), decide)

    def rename_model(
        self, name: str, new_name: str, *, if_match: int | None = None
    ) -> RegisteredModel:
        """Give a model another name; its slug, versions, aliases and history stay.

        The versions count as updated, too, since their name is a part of them.
        """
        names.check_model_name(new_name)

        def decide(tx: Transaction) -> RegisteredModel:
            model = self._model(tx, name, Verb.RENAME_MODEL)
            self._require(Verb.CREATE_MODEL, Asked(new_name, model.tags))
            check_revision(model, if_match)
            if new_name != name and tx.name_taken(new_name):
                raise AlreadyExists(f"There is a model {new_name!r:.200} already.")
            now = self._now(model)
            tx.save_model(
                replace(model, name=new_name, updated_at=now, revision=model.revision + 1)
            )
            tx.touch_versions(now)
            tx.record(
                self._entry(ActivityKind.MODEL_RENAMED, now, details={"from": name, "to": new_name})
            )
            return tx.model() or model

        return self._store.transact(self._key(name), decide)

    def delete_model(
        self, name: str, *, force: bool = False, if_match: int | None = None
    ) -> RegisteredModel:
        """Delete softly; the name is free at once, a new model of that name is another one.

        Raises:
            InUse: it is deployed, or a job has used it in the last week, and not `force`.
        """
        uses = () if force else recent_uses(self._ports, self._caller, name)

        def decide(tx: Transaction) -> RegisteredModel:
            model = self._model(tx, name, Verb.DELETE_MODEL)
            check_revision(model, if_match)
            refuse_protected(tx, model.name, None)
            if not force:
                refuse_model_in_use(tx, model, uses)
            now = self._now(model)
            deleted = replace(model, deleted_at=now, updated_at=now, revision=model.revision + 1)
            tx.record(self._entry(ActivityKind.MODEL_DELETED, now, details={"name": name}))
            tx.save_model(deleted)
            return deleted

        return self._store.transact(self._key(name), decide)

    def restore_model(self, model_id: int, *, if_match: int | None = None) -> RegisteredModel:
        """Undo `delete_model`. If its slug was taken in the meantime, it gets another one."""

        def decide(tx: Transaction) -> RegisteredModel:
            model = tx.model()
            if model is None or not self._caller.principal.may(Verb.READ, Asked.about(model)):
                raise NotFound(f"There is no deleted model with the id {model_id}.")
            self._permitted(Verb.DELETE_MODEL, model)
            check_revision(model, if_match)
            if model.deleted_at is None:
                raise Conflict(f"The model {model.name!r:.200} (id {model_id}) is not deleted.")
            if tx.name_taken(model.name):
                raise AlreadyExists(
                    f"There is another model {model.name!r:.200} by now.",
                    hint="Rename or delete that one first.",
                )
            if model.last_number and not any(tx.version(n) for n in _numbers(model)):
                raise Conflict(
                    f"The versions of {model.name!r:.200} (id {model_id}) are gone for good.",
                    hint="Its restore window is over; create a new model.",
                )
            now = self._now(model)
            tx.save_model(
                replace(
                    model,
                    slug=free_slug(tx, model.slug),
                    deleted_at=None,
                    updated_at=now,
                    revision=model.revision + 1,
                )
            )
            tx.record(self._entry(ActivityKind.MODEL_RESTORED, now))
            return tx.model() or model

        return self._store.transact(ModelId(self._caller.workspace, model_id), decide)

    def _limiting_tags(self) -> frozenset[str]:
        """Return the keys of tags by which grants are limited, unless the caller manages those."""
        accounts, principal = self._ports.accounts, self._caller.principal
        if accounts is None or principal.may(Verb.GRANT):
            return frozenset()
        held = accounts.grants(self._caller.workspace)
        return frozenset(h.grant.narrowing.tag.partition("=")[0] for h in held)

    def _transact_to_make(self, name: str, decide: Callable[[Transaction], T]) -> T:
        """Run a transaction that may make its model.

        Others may make it, or take its slug, between its look and its write: there is no row yet
        that they could wait at. Then it is run again, and finds what they have made.
        """
        found = False

        def watched(tx: Transaction) -> T:
            nonlocal found
            found = tx.model() is not None
            return decide(tx)

        for _ in range(_TRIES):
            try:
                return self._store.transact(self._key(name), watched)
            except AlreadyExists:
                if found:
                    raise
        return self._store.transact(self._key(name), watched)

    def _add_model(self, tx: Transaction, name: str, changes: ModelChanges) -> RegisteredModel:
        now = self._now()
        model = changes.apply(
            RegisteredModel(
                id=0,
                uuid=uuid4().hex,
                workspace=self._caller.workspace,
                name=name,
                slug=free_slug(tx, names.slug_of(name)),
                created_at=now,
                updated_at=now,
                created_by=self._caller.actor,
            )
        )
        model = tx.add_model(model)
        details: JsonObject = {
            "name": name,
            "description": model.description,
            "tags": dict(model.tags),
        }
        tx.record(self._entry(ActivityKind.MODEL_CREATED, now, details=details))
        return model


def _numbers(model: RegisteredModel) -> range:
    return range(model.last_number, 0, -1)


def free_slug(tx: Transaction, slug: str) -> str:
    """Return `slug`, or the first of `slug-2`, `slug-3`, … that no live model has."""
    candidate, n = slug, 1
    while tx.slug_taken(candidate):
        n += 1
        suffix = f"-{n}"
        candidate = slug[: names.MAX_SLUG_CHARS - len(suffix)] + suffix
    return candidate


def refuse_protected(tx: Transaction, model: str, number: int | None) -> None:
    """Raise Conflict if a protected alias points at the version (None: at any version)."""
    for reference in tx.references(number):
        if reference.kind is ReferenceKind.ALIAS and reference.protected:
            raise Conflict(
                f"The protected alias {reference.name!r} of {model!r:.200} points at version "
                f"{reference.version}.",
                hint="Move or delete the alias first.",
            )


def check_same_request(done: Remembered, request: str) -> None:
    """Raise IdempotencyKeyReused unless the remembered request is this one."""
    if done.request != request:
        raise IdempotencyKeyReused(
            f"The idempotency key {done.key!r:.200} was used for another request.",
            hint="Use a new key for a new request.",
        )
