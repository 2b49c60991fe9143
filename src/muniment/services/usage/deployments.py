"""Deployments: declared, changed, retired; and compared with what they should run.

declare ──> live, one for each (model, environment, name) ── declare again ──> changed
             └── retire ──> retired, for ever; declared again, it is another one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.deployments import (
    MAX_DEPLOYMENTS,
    Deployment,
    DeploymentStatus,
    check_deployment_name,
    check_environment,
    check_url,
)
from muniment.domain.entities import (
    NO_STAGE,
    ReferenceKind,
    RegisteredModel,
)
from muniment.domain.records import RecordKind
from muniment.domain.stages import find_stage, with_predefined
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput, LimitExceeded, NotFound
from muniment.services.base import check_revision, live_version, no_version
from muniment.services.records import record_in
from muniment.services.usage.in_use import deployments_in
from muniment.services.usage.running import Running, no_deployment
from muniment.storage.metadata import ModelId, Transaction


class Deployments(Running):
    """Where versions run, for one caller."""

    def declare(
        self,
        model: str,
        environment: str,
        name: str,
        *,
        version: int | None = None,
        alias: str | None = None,
        stage: str | None = None,
        running: int | None = None,
        forget_running: bool = False,
        status: DeploymentStatus | None = None,
        url: str | None = None,
        comment: str | None = None,
        if_match: int | None = None,
    ) -> Deployment:
        """Say that something runs a version, or what an alias or a stage means.

        If there is a live deployment of that name in the environment, it is changed: what is None
        stays as it is (but `running` is unknown again where another target is named, or with
        `forget_running`). A new one needs a target, and is RUNNING unless told otherwise.

        Raises:
            NotFound: there is no such model, version or alias.
            InvalidInput: no target, or several; a stage that the workspace has not; status RETIRED.
            LimitExceeded: the model has too many live deployments.
        """
        check_environment(environment)
        check_deployment_name(name)
        check_url(url or "")
        names.check_text(comment or "", "comment")
        _check_targets(version, alias, stage)
        if status is DeploymentStatus.RETIRED:
            raise InvalidInput("A deployment is retired by its id.", hint="Use `retire`.")

        def decide(tx: Transaction) -> Deployment:
            parent = self._model(tx, model, Verb.DEPLOY)
            live = deployments_in(tx, parent)
            present = _find(live, environment, name)
            now, actor = self._now(parent), self._caller.actor
            before = present or Deployment(
                parent.name, environment, name, now, actor, now, actor, revision=0
            )
            check_revision(before, if_match)
            after = _aimed(tx, parent, before, version=version, alias=alias, stage=stage)
            if running is not None:
                _check_known(tx, parent, running)
            stays = None if forget_running else after.running
            after = replace(
                after,
                running=stays if running is None else running,
                status=status or after.status,
                url=after.url if url is None else url,
                comment=after.comment if comment is None else comment,
            )
            if after == before:
                return before
            after = replace(after, updated_at=now, updated_by=actor, revision=before.revision + 1)
            if present is not None:
                tx.save_record(after.to_record())
                self._note(tx, ActivityKind.DEPLOYMENT_CHANGED, after, comment or "", before=before)
                return after
            _refuse_too_many(live)
            kept = tx.add_record(after.to_record())
            after = replace(after, id=kept.id, model_id=parent.id)
            self._note(tx, ActivityKind.DEPLOYMENT_DECLARED, after, comment or "")
            return after

        return self._store.transact(self._key(model), decide)

    def retire(
        self, deployment_id: int, *, comment: str = "", if_match: int | None = None
    ) -> Deployment:
        """Say that a deployment is no more. Again is fine."""
        names.check_text(comment, "comment")
        found = self.deployment(deployment_id)

        def decide(tx: Transaction) -> Deployment:
            parent = self._model(tx, found.model, Verb.DEPLOY)
            record = record_in(tx, RecordKind.DEPLOYMENT, deployment_id)
            if record is None:
                raise no_deployment(deployment_id)
            before = Deployment.from_record(record, parent.name)
            check_revision(before, if_match)
            if not before.live:
                return before
            after = replace(
                before,
                status=DeploymentStatus.RETIRED,
                comment=comment or before.comment,
                updated_at=self._now(parent),
                updated_by=self._caller.actor,
                revision=before.revision + 1,
            )
            tx.save_record(after.to_record())
            self._note(tx, ActivityKind.DEPLOYMENT_RETIRED, after, comment)
            return after

        return self._store.transact(ModelId(self._caller.workspace, found.model_id), decide)

    def retire_live(
        self,
        model: str,
        environment: str,
        name: str,
        *,
        comment: str = "",
        if_match: int | None = None,
    ) -> Deployment:
        """Retire the deployment of a model that is live under a name. Raises NotFound."""
        found = self.live_deployment(model, environment, name)
        return self.retire(found.id, comment=comment, if_match=if_match)

    # --------------------------------------------------------------------------------------------

    def _note(
        self,
        tx: Transaction,
        kind: ActivityKind,
        deployment: Deployment,
        comment: str,
        *,
        before: Deployment | None = None,
    ) -> None:
        details = _details(deployment)
        if before is not None:
            earlier = _details(before)
            details["before"] = {k: v for k, v in earlier.items() if details[k] != v}
        tx.record(
            self._entry(
                kind,
                deployment.updated_at,
                version=deployment.to_record().version,
                comment=comment,
                details={"deployment": deployment.id, **details},
            )
        )


def _find(deployments: Sequence[Deployment], environment: str, name: str) -> Deployment | None:
    for deployment in deployments:
        if (deployment.environment, deployment.name) == (environment, name):
            return deployment
    return None


def _check_targets(version: int | None, alias: str | None, stage: str | None) -> None:
    named = [target for target in (version, alias, stage) if target is not None]
    if len(named) > 1:
        raise InvalidInput(
            f"A deployment follows one thing, not {len(named)}.",
            hint="Name a version, an alias or a stage.",
        )


def _aimed(
    tx: Transaction,
    model: RegisteredModel,
    before: Deployment,
    *,
    version: int | None,
    alias: str | None,
    stage: str | None,
) -> Deployment:
    """Return the deployment with its new target, if one is named and exists."""
    if version is not None:
        live_version(tx, model, version)
    elif alias is not None:
        if tx.reference(ReferenceKind.ALIAS, names.check_alias(alias)) is None:
            raise NotFound(
                f"{model.name!r:.200} has no alias {alias!r:.300}.",
                hint=f"`muniment alias {model.name:.200}` lists them.",
            )
    elif stage is not None:
        stage = _stage(tx, stage)
    elif before.revision == 0:
        raise InvalidInput(
            f"What does {before.place} run?", hint="Name a version, an alias or a stage."
        )
    else:
        return before
    if (version, alias, stage) == (before.version, before.alias, before.stage):
        return before
    return replace(before, version=version, alias=alias, stage=stage, running=None)


def _stage(tx: Transaction, name: str) -> str:
    stages = with_predefined(tx.stages())
    found = find_stage(name, stages)
    if found is None or found.name == NO_STAGE:
        raise InvalidInput(
            f"There is no stage {name!r:.200} to follow.",
            hint=f"The stages are {', '.join(s.name for s in stages if s.name != NO_STAGE)}.",
            details={"field": "stage"},
        )
    return found.name


def _check_known(tx: Transaction, model: RegisteredModel, number: int) -> None:
    """Raise NotFound unless there is or was such a version: a deleted one may still run."""
    if tx.version(number) is None:
        missing = no_version(model.name, number)
        missing.details["field"] = "running"
        raise missing


def _refuse_too_many(live: Sequence[Deployment]) -> None:
    if len(live) >= MAX_DEPLOYMENTS:
        raise LimitExceeded(
            f"A model has at most {MAX_DEPLOYMENTS} live deployments.",
            hint="Retire those that are no more.",
            details={"limit": MAX_DEPLOYMENTS},
        )


def _details(deployment: Deployment) -> JsonObject:
    return {
        "environment": deployment.environment,
        "name": deployment.name,
        "version": deployment.version,
        "alias": deployment.alias,
        "stage": deployment.stage,
        "running": deployment.running,
        "status": deployment.status.value,
        "url": deployment.url,
    }
