"""What every service stands on: the ports, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache, partial
from typing import Protocol

from muniment.domain.access import Asked, Verb
from muniment.domain.activities import ActivityKind, Entry
from muniment.domain.caller import Caller
from muniment.domain.deployments import UseKind
from muniment.domain.entities import DEFAULT_WORKSPACE, ModelVersion, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.domain.values import JsonObject, canonical_json, utcnow
from muniment.errors import (
    ConfigurationError,
    Corrupt,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
)
from muniment.services.access.audit import Auditor, audited
from muniment.services.usage.observer import Observer
from muniment.services.webhooks.sending import Sender
from muniment.storage.accounts import AccountStore
from muniment.storage.blobs import BlobStore
from muniment.storage.leases import LeaseStore
from muniment.storage.metadata import MetadataStore, ModelName, Transaction
from muniment.storage.webhooks import WebhookStore

ANYTHING = Asked()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things that nobody needs are kept.

    `restore_window`: what was deleted can be restored. `grace`: bytes that an upload or a commit
    has just asked about. `upload_lifetime`: an upload that was begun and never finished.
    """

    restore_window: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(days=1)
    upload_lifetime: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Ports:
    """Where a registry keeps things, and what time it is there."""

    metadata: MetadataStore
    blobs: BlobStore
    accounts: AccountStore | None = None
    auditor: Auditor | None = None
    webhooks: WebhookStore | None = None
    leases: LeaseStore | None = None
    sender: Sender = field(default_factory=Sender)
    observer: Observer | None = None
    retention: Retention = field(default_factory=Retention)
    clock: Callable[[], datetime] = utcnow
    runs_checks: bool = False
    """Whether a process that serves this registry runs the checks that versions wait for."""

    def begin(self) -> None:
        """Make what every registry has, and see to it that the blobs are this one's.

        Raises:
            ConfigurationError: another registry keeps its blobs there.
        """
        home = self.metadata.ensure_workspace(DEFAULT_WORKSPACE, self.clock())
        owner = self.blobs.claim(home.uuid)
        if owner != home.uuid:
            raise ConfigurationError(
                "The blobs there belong to another registry than the database: each would take the "
                "other's files for garbage.",
                hint="Name another folder, or another prefix in the bucket, for one of the two; or "
                "restore the database that these blobs belong to.",
                details={"registry": home.uuid, "owner": owner},
            )

    @cached_property
    def read_manifest(self) -> Callable[[str], Manifest]:
        """Read a manifest by digest. It never changes, so the last ones read are kept."""
        return lru_cache(maxsize=256)(partial(_read_manifest, self.blobs))

    def close(self) -> None:
        """Finish what was accepted and let go of everything."""
        if self.auditor is not None:
            self.auditor.close()
        if self.observer is not None:
            self.observer.close()
        self.metadata.close()
        self.blobs.close()


def _read_manifest(blobs: BlobStore, digest: str) -> Manifest:
    try:
        content = blobs.read_all(digest)
    except NotFound:
        raise Corrupt(
            f"The manifest {digest} is gone from the store.", hint="Restore it from a backup."
        ) from None
    return Manifest.parse(content, digest=digest)


class Service:
    """A use case of the registry, acting for one caller in one workspace. Cheap to make."""

    def __init__(self, ports: Ports, caller: Caller) -> None:
        self._ports = ports
        self._store = ports.metadata
        self._caller = caller

    def _key(self, model: str) -> ModelName:
        return ModelName(self._caller.workspace, model)

    def _entry(
        self,
        kind: ActivityKind,
        at: datetime,
        *,
        version: int | None = None,
        comment: str = "",
        details: JsonObject | None = None,
    ) -> Entry:
        return Entry(
            kind=kind,
            actor=self._caller.actor,
            at=at,
            version=version,
            comment=comment,
            details=details or {},
        )

    def _observe(self, version: ModelVersion, kind: UseKind) -> None:
        """Note that the caller used a version."""
        if self._ports.observer is not None:
            self._ports.observer.note(version, self._caller, kind, self._ports.clock())

    # -- may the caller? -------------------------------------------------------------------------

    def _require(self, verb: Verb, asked: Asked = ANYTHING) -> None:
        """Raise PermissionDenied unless the caller may do `verb` (to some model, if none named)."""
        principal = self._caller.principal
        if not principal.may(verb, asked):
            decision = principal.decide(verb, asked)
            self._audit_refusal(verb, asked)
            raise PermissionDenied(
                f"Not allowed: {decision.because}.",
                hint="Ask an admin of the workspace for a grant; `muniment can` explains.",
                details={"verb": verb.value, "model": asked.model},
            )

    def _audit_refusal(self, verb: Verb, asked: Asked) -> None:
        if self._ports.auditor is not None:
            details: JsonObject = {"verb": verb.value, "model": asked.model, "alias": asked.alias}
            self._ports.auditor.queue(
                audited(ActivityKind.REFUSED, self._caller, self._ports.clock(), details=details)
            )

    def _permitted(
        self,
        verb: Verb,
        model: RegisteredModel,
        *,
        alias: str | None = None,
        stage: str | None = None,
    ) -> RegisteredModel:
        """Return the model if the caller may do `verb` to it.

        Raises:
            NotFound: the caller may not even know of it.
            PermissionDenied: it may see it, but not do that.
        """
        if not self._caller.principal.may(Verb.READ, Asked.about(model)):
            raise no_model(model.name)
        if verb is not Verb.READ:
            self._require(verb, Asked.about(model, alias=alias, stage=stage))
        return model

    def _model(
        self,
        tx: Transaction,
        name: str,
        verb: Verb,
        *,
        alias: str | None = None,
        stage: str | None = None,
    ) -> RegisteredModel:
        """Return the transaction's model if the caller may do `verb` to it; see `_permitted`."""
        return self._permitted(verb, live_model(tx, name), alias=alias, stage=stage)

    def _check_read(self, model: str, verb: Verb = Verb.READ) -> None:
        """Raise NotFound or PermissionDenied unless the caller may read a model.

        Costs nothing where the caller may read all models, else a look at this one's tags.
        """
        principal = self._caller.principal
        if principal.may_everywhere(Verb.READ) and principal.may_everywhere(verb):
            return
        found = self._store.model(self._key(model))
        if found is None:
            raise no_model(model)
        self._permitted(verb, found)

    def _may_read(self, model: str) -> bool:
        """Say whether there is a live model of that name that the caller may read."""
        try:
            self._check_read(model)
        except NotFound:
            return False
        return True

    def _now(self, after: RegisteredModel | None = None) -> datetime:
        """Return the time of a change. History never runs backwards, whatever the clock does."""
        now = self._ports.clock()
        return now if after is None else max(now, after.updated_at)


def live_model(tx: Transaction, name: str) -> RegisteredModel:
    """Return the transaction's model, once it is known that the caller may. Raises NotFound."""
    model = tx.model()
    if model is None or model.deleted_at is not None:
        raise no_model(name)
    return model


def live_version(tx: Transaction, model: RegisteredModel, number: int) -> ModelVersion:
    """Return a version of the transaction's model. Raises NotFound."""
    version = tx.version(number)
    if version is None or version.deleted_at is not None:
        raise no_version(model.name, number, deleted=version is not None)
    return version


def no_model(name: str) -> NotFound:
    """Return the error for a model that is not here."""
    return NotFound(f"There is no model {name!r:.200}.", hint="`muniment ls` lists the models.")


def no_version(model: str, number: int, *, deleted: bool = False) -> NotFound:
    """Return the error for a version that is not here."""
    if deleted:
        return NotFound(
            f"Version {number} of {model!r:.200} was deleted.",
            hint=f"`muniment restore {model:.200}/{number}` brings it back.",
        )
    return NotFound(
        f"There is no version {number} of {model!r:.200}.",
        hint=f"`muniment ls {model:.200}` lists its versions.",
    )


def same(one: RegisteredModel | ModelVersion, other: RegisteredModel | ModelVersion) -> bool:
    """Say whether nothing changed. Python calls 1, 1.0 and True equal; a typed tag does not."""
    return one == other and canonical_json(one.to_json()) == canonical_json(other.to_json())


class Revised(Protocol):
    """Whatever has a revision that each change raises by one."""

    @property
    def revision(self) -> int:
        """The present one."""


def check_revision(entity: Revised, if_match: int | None) -> None:
    """Raise PreconditionFailed unless `if_match` is None or the entity's revision."""
    if if_match is not None and if_match != entity.revision:
        raise PreconditionFailed(
            f"It was changed in the meantime: revision {entity.revision}, not {if_match}.",
            hint="Read it again, and repeat the change if it still makes sense.",
            details={"revision": entity.revision},
        )
