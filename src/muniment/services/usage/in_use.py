"""Is a version in use? By whom? Asked before it is deleted or archived.

It is, if a live deployment names it or runs it (an alias or stage that is followed counts for what
it means now), or if a job that says its name has resolved or fetched it in the last week. Whoever
looks around without a name, in a browser say, is no reason to keep anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from muniment.domain.caller import Caller
from muniment.domain.deployments import Deployment, Use
from muniment.domain.entities import ReferenceKind, RegisteredModel, Status
from muniment.domain.records import RecordKind
from muniment.domain.values import time_to_json
from muniment.errors import InUse
from muniment.services.base import Ports
from muniment.storage.metadata import ModelName, Transaction

CONSUMED_LATELY: Final = timedelta(days=7)
LIVE: Final = "live"
_SHOWN: Final = 5
_MOST: Final = 10_000


def recent_uses(ports: Ports, caller: Caller, model: str) -> Sequence[Use]:
    """Return the uses of a model's versions that count, by other jobs than the caller.

    Call it before the transaction that asks: uses are no part of what a transaction sees.
    """
    if ports.observer is not None:
        ports.observer.flush()
    found = ports.metadata.model(ModelName(caller.workspace, model))
    if found is None:
        return ()
    since = ports.clock() - CONSUMED_LATELY
    uses = ports.metadata.uses(caller.workspace, model_id=found.id, since=since, limit=_MOST)
    return [use for use in uses if use.named and use.consumer != caller.consumer]


def refuse_in_use(
    tx: Transaction, model: RegisteredModel, number: int, uses: Iterable[Use]
) -> None:
    """Raise InUse if something needs a version; `uses` are the model's `recent_uses`."""
    reasons = [
        f"the deployment {deployment.place} runs it"
        for deployment in deployments_in(tx, model)
        if number in (deployment.version, deployment.runs(meaning(tx, deployment)))
    ]
    reasons += _consumers(use for use in uses if use.version == number)
    if reasons:
        raise _in_use(f"Version {number} of {model.name!r:.200}", reasons)


def refuse_model_in_use(tx: Transaction, model: RegisteredModel, uses: Sequence[Use]) -> None:
    """Raise InUse if something needs the model, or a version of it; see `refuse_in_use`."""
    reasons = [
        f"the deployment {deployment.place} runs it" for deployment in deployments_in(tx, model)
    ]
    live = {use.version for use in uses if _is_live(tx, use.version)}
    reasons += _consumers(use for use in uses if use.version in live)
    if reasons:
        raise _in_use(f"The model {model.name!r:.200}", reasons)


def _consumers(uses: Iterable[Use]) -> list[str]:
    last: dict[str, datetime] = {}
    for use in uses:
        last[use.consumer] = max(use.last_at, last.get(use.consumer, use.last_at))
    return [
        f"{consumer} used it last at {time_to_json(at)}" for consumer, at in sorted(last.items())
    ]


def _is_live(tx: Transaction, number: int) -> bool:
    version = tx.version(number)
    return version is not None and version.deleted_at is None


def _in_use(what: str, reasons: Sequence[str]) -> InUse:
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    return InUse(
        f"{what} is in use: {'; '.join(reasons[:_SHOWN])}{more}.",
        hint="Retire or move those first, or force it (--force, force=true).",
        details={"reasons": list(reasons[:100])},
    )


def deployments_in(tx: Transaction, model: RegisteredModel) -> list[Deployment]:
    """Return the live deployments of the transaction's model."""
    records = tx.records(RecordKind.DEPLOYMENT, state=LIVE)
    return [Deployment.from_record(record, model.name) for record in records]


def meaning(tx: Transaction, deployment: Deployment) -> int | None:
    """Return the version that a deployment's alias or stage means now."""
    if deployment.alias is not None:
        reference = tx.reference(ReferenceKind.ALIAS, deployment.alias)
        return None if reference is None else reference.version
    if deployment.stage is not None:
        there = [v for v in tx.versions_in_stage(deployment.stage) if v.status is Status.READY]
        return there[-1].version if there else None
    return deployment.version
