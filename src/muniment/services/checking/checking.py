"""Running checks: which ones, on request, and on all versions that wait for theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import uuid4

from muniment.checks.available import available
from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.checking import (
    DOCUMENT,
    CheckConfiguration,
    checks_of,
    due_record,
)
from muniment.domain.checks import CheckResult
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput, NotImplementedHere, NotReady, PreconditionFailed
from muniment.services.access.audit import audited
from muniment.services.base import live_version, no_version
from muniment.services.checking.running import Checked, run_check
from muniment.services.checking.state import settle_checks
from muniment.services.lifecycle.checks import Checks
from muniment.storage.metadata import ModelId, ModelKey, Transaction

_AT_ONCE: Final = 20
_MARGIN: Final = timedelta(minutes=1)


class Checking(Checks):
    """Checks, reported and run, for one caller."""

    def configuration(self) -> CheckConfiguration:
        """Return what is run on versions of the caller's workspace."""
        self._require(Verb.READ)
        return self._configuration()

    def available(self) -> Sequence[str]:
        """Return the names of the checks that can be run here."""
        self._require(Verb.READ)
        return available()

    def configure(
        self, configuration: CheckConfiguration, *, if_match: int | None = None
    ) -> CheckConfiguration:
        """Choose what is run on versions that are sealed from now on.

        Raises:
            InvalidInput: a check does not exist here, or a limit is out of range.
            PreconditionFailed: the configuration has another revision than `if_match`.
        """
        self._require(Verb.STAGES)
        configuration.checked(available())
        before = self._configuration()
        if if_match is not None and if_match != before.revision:
            raise PreconditionFailed(
                f"The configuration has the revision {before.revision}, not {if_match}.",
                hint="Read it again, and repeat the change if it still makes sense.",
                details={"revision": before.revision},
            )
        body = configuration.to_json()
        del body["revision"]
        kept = self._store.save_document(
            self._caller.workspace, DOCUMENT, body, expect=before.revision
        )
        after = replace(configuration, revision=kept.revision)
        if self._ports.auditor is not None:
            details: JsonObject = {"before": before.to_json(), "after": after.to_json()}
            kind, now = ActivityKind.CHECKS_CONFIGURED, self._ports.clock()
            self._ports.auditor.record(audited(kind, self._caller, now, details=details))
        return after

    def request(self, model: str, number: int, checks: Sequence[str] = ()) -> tuple[str, ...]:
        """Have checks run on a version soon (none: the workspace's); return which.

        Raises:
            NotReady: the version has no content here.
            InvalidInput: there is no such check.
            NotImplementedHere: no process that serves this registry runs checks.
        """
        if not self._ports.runs_checks:
            raise NotImplementedHere(
                "This server runs no checks.", hint="MUNIMENT_CHECKS_EVERY is 0 here."
            )
        chosen = self._chosen(checks)

        def decide(tx: Transaction) -> None:
            parent = self._model(tx, model, Verb.UPDATE_VERSION)
            _content_of(live_version(tx, parent, number))
            waiting = tx.records(RecordKind.CHECKING, version=number, state="due")
            if not any(checks_of(record) == chosen for record in waiting):
                tx.add_record(due_record(number, self._now(parent), chosen))
                settle_checks(tx, number)

        self._store.transact(self._key(model), decide)
        return chosen

    def run(self, model: str, number: int, checks: Sequence[str] = ()) -> list[CheckResult]:
        """Run checks on a version now (none: the workspace's), and return their results.

        Raises:
            NotReady: the version has no content here.
            InvalidInput: there is no such check.
        """
        chosen = self._chosen(checks)
        parent = self._permitted(Verb.UPDATE_VERSION, self._readable(model))
        version = self._store.version(self._caller.workspace, parent.name, number)
        if version is None or version.deleted_at is not None:
            raise no_version(model, number, deleted=version is not None)
        found = self._look(parent, version, chosen)
        return self._keep(self._key(model), number, found)

    def waiting(self, model: str, number: int) -> list[str]:
        """Return the checks that a version waits for."""
        parent = self._readable(model)
        query = RecordQuery(
            self._caller.workspace, RecordKind.CHECKING, model_id=parent.id, version=number
        )
        named: dict[str, None] = {}
        for record in self._store.find_records(replace(query, state="due")):
            named |= dict.fromkeys(checks_of(record) or self._configuration().checks)
        return list(named)

    def work_off(self, ending: Callable[[], bool] = lambda: False) -> int:
        """Run what versions of the caller's workspace wait for; return how many had their turn.

        Of several processes that do so each version is one's, by a lease; a version that its
        process leaves behind is another's when the lease is over.
        """
        done, after = 0, 0
        while not ending():
            query = RecordQuery(
                self._caller.workspace, RecordKind.CHECKING, state="due", after=after,
                limit=_AT_ONCE,
            )  # fmt: skip
            records = self._store.find_records(query)
            for record in records:
                if ending():
                    return done
                done += self._work_off_one(record)
            if len(records) < _AT_ONCE:
                return done
            after = records[-1].id
        return done

    # --- one version

    def _work_off_one(self, record: Record) -> bool:
        settled = self._configuration()
        chosen = checks_of(record) or settled.checks
        leases, now = self._ports.leases, self._ports.clock()
        name, holder = f"check:{record.id}", uuid4().hex
        most = timedelta(seconds=settled.seconds) * max(1, len(chosen)) + _MARGIN
        if leases is not None and not leases.lease(name, holder, now, now + most):
            return False
        try:
            key = ModelId(self._caller.workspace, record.model_id)
            if self._store.record(self._caller.workspace, record.id) is None:
                return False  # whoever held the lease before has done it
            found = self._look_at(key, record.version or 0, chosen)
            self._keep(key, record.version or 0, found, instead_of=record)
        finally:
            if leases is not None:
                leases.lease(name, holder, self._ports.clock(), self._ports.clock())
        return True

    def _look_at(
        self, key: ModelId, number: int, checks: Sequence[str]
    ) -> list[tuple[Checked, str]]:
        """Run checks on a version that was sealed a while ago, if it is still there."""
        model = self._store.model(key)
        if model is None:
            return []
        version = self._store.version(model.workspace, model.name, number)
        if version is None or version.digest is None:
            return []
        return self._look(model, version, checks)

    def _look(
        self, model: RegisteredModel, version: ModelVersion, checks: Sequence[str]
    ) -> list[tuple[Checked, str]]:
        """Run checks one after another; return what each found, and on which content."""
        digest = _content_of(version)
        manifest = self._ports.read_manifest(digest)
        limits, blobs = self._configuration(), self._ports.blobs
        return [
            (run_check(check, model, version, manifest, blobs, limits), digest) for check in checks
        ]

    def _keep(
        self,
        key: ModelKey,
        number: int,
        found: Sequence[tuple[Checked, str]],
        *,
        instead_of: Record | None = None,
    ) -> list[CheckResult]:
        """File results with a version; in the same moment it waits for them no more."""

        def decide(tx: Transaction) -> list[CheckResult]:
            if instead_of is not None:
                if tx.record_by_id(instead_of.id) is None:
                    return []
                tx.drop_record(instead_of.id)
            model, version = tx.model(), tx.version(number)
            kept: list[CheckResult] = []
            if model is not None and version is not None and version.deleted_at is None:
                kept = [self._file(tx, model, number, checked, at) for checked, at in found]
            settle_checks(tx, number)  # also if it was deleted in the meantime: it waits no more
            return kept

        return self._store.transact(key, decide)

    def _file(
        self, tx: Transaction, model: RegisteredModel, number: int, checked: Checked, digest: str
    ) -> CheckResult:
        return self._add(
            tx,
            CheckResult(
                model=model.name,
                version=number,
                name=checked.check,
                verdict=checked.verdict,
                findings=checked.findings,
                digest=digest,
                check_version=checked.check_version,
                created_at=self._now(model),
                created_by=self._caller.actor,
                model_id=model.id,
            ),
        )

    # --- what is settled

    def _configuration(self) -> CheckConfiguration:
        document = self._store.document(self._caller.workspace, DOCUMENT)
        if document is None:
            return CheckConfiguration()
        return CheckConfiguration.from_json(document.body, revision=document.revision)

    def _chosen(self, checks: Sequence[str]) -> tuple[str, ...]:
        chosen = tuple(dict.fromkeys(checks)) or self._configuration().checks
        CheckConfiguration(chosen).checked(available())
        if not chosen:
            raise InvalidInput(
                "No checks are configured.", hint="Name some, or `muniment check configure`."
            )
        return chosen


def _content_of(version: ModelVersion) -> str:
    if version.digest is None:
        raise NotReady(
            f"{version.model}/{version.version} has no files here that could be checked.",
            hint="Seal it first; of what only points elsewhere nothing is known here.",
        )
    return version.digest
