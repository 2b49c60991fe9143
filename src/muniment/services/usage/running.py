"""What runs where, as declared; and what should.

    Running (reads) -> Deployments (declares, retires)

A deployment that follows an alias or a stage is measured by what that means now; one that names a
version by what is in Production.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.deployments import Deployment, DeploymentStatus, Drift, Usage
from muniment.domain.entities import ModelVersion, Page, ReferenceKind, RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.stages import stage_key
from muniment.errors import NotFound
from muniment.services.base import no_version
from muniment.services.pages import page_size_of
from muniment.services.records import Records
from muniment.services.usage.in_use import LIVE

PRODUCTION: Final = "Production"
_USES: Final = 1_000


class Running(Records):
    """What is known of deployments, for one caller."""

    def deployment(self, deployment_id: int) -> Deployment:
        """Return a deployment, also a retired one. Raises NotFound."""
        found = self._filed(RecordKind.DEPLOYMENT, deployment_id)
        if found is None:
            raise no_deployment(deployment_id)
        return _deployment(*found)

    def live_deployment(self, model: str, environment: str, name: str) -> Deployment:
        """Return the deployment of a model that is live under a name. Raises NotFound."""
        found = self.deployments(model=model, environment=environment, name=name, page_size=1)
        if not found.items:
            raise NotFound(
                f"{model!r:.200} has no deployment {f'{environment}/{name}'!r:.300}.",
                hint="`muniment deployments` lists them.",
            )
        return found.items[0]

    def deployments(
        self,
        *,
        model: str | None = None,
        environment: str | None = None,
        name: str | None = None,
        status: DeploymentStatus | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Deployment]:
        """Return deployments, oldest first: of a model, or of all that the caller may read.

        Without a status, those that are live.
        """

        def read(record: Record, parent: RegisteredModel) -> Deployment | None:
            deployment = _deployment(record, parent)
            fits = (
                environment in (None, deployment.environment)
                and name in (None, deployment.name)
                and status in (None, deployment.status)
            )
            return deployment if fits else None

        query, search = self._asked(model, environment, name, status)
        return self._page(
            query,
            read,
            size=page_size_of(page_size),
            token=page_token,
            search=f"deployments {search}",
        )

    def drift(
        self,
        *,
        model: str | None = None,
        environment: str | None = None,
        drifted_only: bool = False,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Drift]:
        """Compare live deployments with what they should run: see `Drift`.

        A deployment that follows an alias or a stage is measured by that, one that names a version
        by what is in Production.
        """

        def read(record: Record, parent: RegisteredModel) -> Drift | None:
            deployment = _deployment(record, parent)
            if environment not in (None, deployment.environment):
                return None
            drift = self._drift(deployment)
            return drift if drift.drifted or not drifted_only else None

        query, search = self._asked(model, environment, None, None)
        return self._page(
            query,
            read,
            size=page_size_of(page_size),
            token=page_token,
            search=f"drift {search} {drifted_only}",
        )

    def users_of(self, model: str, number: int) -> Usage:
        """Return the live deployments that run a version, and its last thousand users.

        Raises:
            NotFound: there is no such version.
        """
        parent = self._readable(model)
        if self._store.version(self._caller.workspace, parent.name, number) is None:
            raise no_version(parent.name, number)
        running: list[Deployment] = []
        token: str | None = None
        while True:
            page = self.deployments(model=model, page_size=names.MAX_PAGE_SIZE, page_token=token)
            running += (d for d in page.items if number in (d.version, d.runs(self._meant(d))))
            token = page.next_token
            if token is None:
                break
        uses = self._store.uses(
            self._caller.workspace, model_id=parent.id, version=number, limit=_USES
        )
        return Usage(parent.name, number, tuple(running), tuple(uses))

    # --------------------------------------------------------------------------------------------

    def _asked(
        self,
        model: str | None,
        environment: str | None,
        name: str | None,
        status: DeploymentStatus | None,
    ) -> tuple[RecordQuery, str]:
        """Return the query for deployments, and what tells this listing from others."""
        self._require(Verb.READ)
        parent = None if model is None else self._readable(model)
        key = None if name is None else f"name:{name}"
        if key is None and environment is not None:
            key = f"environment:{environment}"
        query = RecordQuery(
            self._caller.workspace,
            RecordKind.DEPLOYMENT,
            model_id=None if parent is None else parent.id,
            state="retired" if status is DeploymentStatus.RETIRED else LIVE,
            key=key,
        )
        uuid = "" if parent is None else parent.uuid
        return query, f"{uuid} {environment!r} {name!r} {status}"

    def _drift(self, deployment: Deployment) -> Drift:
        runs = deployment.runs(self._meant(deployment))
        reference = deployment.alias or deployment.stage or PRODUCTION
        expected = self._in_alias(deployment) or self._in_stage(deployment)
        if expected is None:
            return _without_reference(deployment, reference, runs)
        right = runs == expected.version or (
            deployment.alias is None and self._is_in(deployment.model, runs, reference)
        )
        if right:
            return Drift(deployment, reference, runs, expected.version, drifted=False)
        return Drift(
            deployment,
            reference,
            runs,
            expected.version,
            drifted=True,
            reason=f"runs {runs}, but {reference} is {expected.version}",
            since=self._since(deployment, expected),
        )

    def _meant(self, deployment: Deployment) -> int | None:
        """Return the version that a deployment's target means now."""
        if deployment.version is not None:
            return deployment.version
        found = self._in_alias(deployment) or self._in_stage(deployment)
        return None if found is None else found.version

    def _in_alias(self, deployment: Deployment) -> ModelVersion | None:
        if deployment.alias is None:
            return None
        workspace = self._caller.workspace
        return self._store.version_by_alias(workspace, deployment.model, deployment.alias)

    def _in_stage(self, deployment: Deployment) -> ModelVersion | None:
        if deployment.alias is not None:
            return None
        stage = deployment.stage or PRODUCTION
        return self._store.newest_version(self._caller.workspace, deployment.model, stage=stage)

    def _is_in(self, model: str, number: int | None, stage: str) -> bool:
        """Say whether a version is in a stage: several may be, and all are right there."""
        if number is None:
            return False
        version = self._store.version(self._caller.workspace, model, number)
        return version is not None and stage_key(version.stage) == stage_key(stage)

    def _since(self, deployment: Deployment, expected: ModelVersion) -> datetime | None:
        """Return when `expected` got the alias or the stage that the deployment is measured by."""
        if deployment.alias is None:
            return expected.stage_since
        for reference in self._store.references(self._caller.workspace, deployment.model):
            if reference.kind is ReferenceKind.ALIAS and reference.name == deployment.alias:
                return reference.updated_at
        return None


def _deployment(record: Record, model: RegisteredModel) -> Deployment:
    return Deployment.from_record(record, model.name)


def _without_reference(deployment: Deployment, reference: str, runs: int | None) -> Drift:
    """Return the drift of a deployment whose alias or stage means no version now."""
    declared = deployment.version
    if declared is None:
        reason = f"{reference} is no version now"
        return Drift(deployment, reference, runs, None, drifted=True, reason=reason)
    if runs == declared:
        return Drift(deployment, reference, runs, None, drifted=False)
    reason = f"runs {runs}, but is declared to run {declared}"
    return Drift(deployment, reference, runs, declared, drifted=True, reason=reason)


def no_deployment(deployment_id: int) -> NotFound:
    """Return the error for a deployment that is not here."""
    return NotFound(
        f"There is no deployment {deployment_id}.", hint="`muniment deployments` lists them."
    )
