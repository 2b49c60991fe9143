"""Deployments: what runs where, as a matrix and in a table, and what runs what it should not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.deployments import Deployment, DeploymentStatus, Drift
from muniment.errors import InvalidInput, MunimentError
from muniment.server.web.frame import Visit, web_routes
from muniment.services import Services

_PAGE: Final = 50
_FILTERS: Final = ("model", "environment", "show")
SHOWN: Final = {"": "Live", "drifted": "Drifted only", "retired": "Retired"}


@dataclass(frozen=True, slots=True)
class Matrix:
    """The models down, their environments across; in each cell what runs there."""

    environments: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Drift, ...], ...]], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of deployments: those that are live with their drift, or retired ones."""

    live: Sequence[Drift] = ()
    retired: Sequence[Deployment] = ()
    next_token: str | None = None


async def show(visit: Visit) -> Response:
    """Show the deployments that fit."""
    asked, fault = visit.asked, None
    found = Found()
    try:
        found = await visit.wait_for(
            partial(
                _found,
                visit.services,
                asked.get("show", ""),
                model=asked.get("model", "").strip() or None,
                environment=asked.get("environment", "").strip() or None,
                token=asked.get("page_token") or None,
            )
        )
    except MunimentError as refused:
        fault = refused
    values = {
        "found": found,
        "matrix": matrix_of(found.live),
        "drifted": sum(drift.drifted for drift in found.live),
        "filters": {key: asked[key] for key in _FILTERS if asked.get(key)},
        "shown": SHOWN,
        "may_declare": visit.may(Verb.DEPLOY),
    }
    return await visit.page("deployments", values, fault=fault)


def _found(
    services: Services,
    shown: str,
    *,
    model: str | None,
    environment: str | None,
    token: str | None,
) -> Found:
    if shown not in SHOWN:
        raise InvalidInput(f"There is nothing to show as {shown!r:.40}.")
    if shown == DeploymentStatus.RETIRED:
        retired = services.deployments.deployments(
            model=model,
            environment=environment,
            status=DeploymentStatus.RETIRED,
            page_size=_PAGE,
            page_token=token,
        )
        return Found(retired=retired.items, next_token=retired.next_token)
    live = services.deployments.drift(
        model=model,
        environment=environment,
        drifted_only=shown == "drifted",
        page_size=_PAGE,
        page_token=token,
    )
    drifted_first = sorted(live.items, key=lambda drift: not drift.drifted)
    return Found(live=drifted_first, next_token=live.next_token)


def matrix_of(drifts: Sequence[Drift]) -> Matrix:
    """Return deployments by model and environment, both by name."""
    environments = tuple(sorted({drift.deployment.environment for drift in drifts}))
    models = dict.fromkeys(drift.deployment.model for drift in drifts)
    return Matrix(
        environments,
        tuple((model, _cells(drifts, model, environments)) for model in sorted(models)),
    )


def _cells(
    drifts: Sequence[Drift], model: str, environments: Sequence[str]
) -> tuple[tuple[Drift, ...], ...]:
    own = [drift for drift in drifts if drift.deployment.model == model]
    return tuple(
        tuple(drift for drift in own if drift.deployment.environment == environment)
        for environment in environments
    )


routes: Final = web_routes("/deployments", get=show)
