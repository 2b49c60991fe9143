"""Versions beside each other: what is better, what changed, what they share.

/models/fraud/compare?v=27&v=29        the first is what the others are measured by
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.domain.query import OrderBy, Target, attribute
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.headline import headline_of, higher_is_better
from muniment.server.web.markdown import card
from muniment.server.web.parallel import Axis, parallel
from muniment.server.web.side_by_side import (
    compared_files,
    compared_metrics,
    compared_params,
    compared_variables,
)
from muniment.services import Services

LEAST: Final = 2
MOST: Final = 6
_AXES: Final = 8
_CHOICES: Final = 60
_FIELD: Final = "v"


async def show(visit: Visit) -> Response:
    """Compare the versions that the address names; else show the form that asks which."""
    name, services = visit.params["name"], visit.services
    asked, base = visit.request.query_params.getlist(_FIELD), visit.asked.get("base", "")

    def gather() -> tuple[dict[str, object], MunimentError | None]:
        model = services.catalog.model(name)
        newest_first = OrderBy(attribute(Target.VERSIONS, "version"), descending=True)
        newest = services.catalog.find_versions(
            None, (newest_first,), page_size=_CHOICES, model=name
        ).items
        values: dict[str, object] = {"model": model, "versions": (), "choices": newest}
        try:
            numbers = sorted(_numbers_in(asked), key=lambda n: (str(n) != base, n))
            versions = [services.catalog.version(name, number) for number in numbers]
        except (InvalidInput, NotFound) as fault:
            return {**values, "asked": asked}, fault if asked else None
        chosen = [str(version.version) for version in versions]
        return {**values, **_compared(services, model, versions), "asked": chosen}, None

    values, fault = await visit.wait_for(gather)
    return await visit.page("compare", {"least": LEAST, "most": MOST, **values}, fault=fault)


def _numbers_in(asked: list[str]) -> set[int]:
    """Return the numbers that an address names. Raises InvalidInput."""
    for text in asked:
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise InvalidInput(
                f"{text!r:.50} is no version's number.",
                hint="Tick the versions here.",
                details={"field": _FIELD},
            )
    numbers = {int(text) for text in asked}
    if not LEAST <= len(numbers) <= MOST:
        raise InvalidInput(
            f"{len(numbers)} version{'' if len(numbers) == 1 else 's'} can't be compared.",
            hint=f"Tick {LEAST} to {MOST}.",
            details={"field": _FIELD},
        )
    return numbers


def _compared(
    services: Services, model: RegisteredModel, versions: list[ModelVersion]
) -> dict[str, object]:
    manifests = [_manifest(services, version) for version in versions]
    return {
        "versions": versions,
        "metrics": compared_metrics(model.tags, versions),
        "params": compared_params(versions),
        "variables": compared_variables(versions),
        "files": compared_files(manifests),
        "cards": [card(v.description) if v.description else "" for v in versions],
        "picture": _picture(model, versions) if len(versions) > LEAST else None,
    }


def _manifest(services: Services, version: ModelVersion) -> Manifest | None:
    if version.digest is None:
        return None
    return services.artifacts.manifest(version.model, version.version)


def _picture(model: RegisteredModel, versions: list[ModelVersion]) -> object:
    """Return parallel coordinates over the metrics that most versions have; the headline first."""
    counts: dict[str, int] = {}
    for version in versions:
        for metric in version.metrics:
            counts[metric] = counts.get(metric, 0) + 1
    headline = headline_of(model.tags, versions)
    shared = sorted(
        (metric for metric, count in counts.items() if count > 1),
        key=lambda metric: (metric != headline, -counts[metric], metric),
    )
    axes = [
        Axis(
            metric,
            higher_is_better(model.tags, metric),
            tuple(version.metrics.get(metric) for version in versions),
        )
        for metric in shared[:_AXES]
    ]
    return parallel(axes, [version.version for version in versions]) if len(axes) > 1 else None


routes: Final = web_routes("/models/{name}/compare", get=show)
