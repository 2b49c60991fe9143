"""Models: found by text and facets, page by page; the address says all that was chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.checks import CheckState
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.query import (
    Comparison,
    Expression,
    Field,
    FieldType,
    Namespace,
    Op,
    Or,
    OrderBy,
    Scope,
    Target,
    attribute,
    conjunction,
)
from muniment.server.web.charts import spark
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.headline import headline_of
from muniment.services import Services

_PAGE: Final = 25
_TREND: Final = 20  # versions
_PRODUCTION: Final = "Production"
_SPECIAL: Final = re.compile(r"[%_\\]")
ORDERS: Final = {
    "updated": ("updated_at", True),
    "name": ("name", False),
    "created": ("created_at", True),
}
CHECK_STATES: Final = [state.value for state in CheckState if state is not CheckState.NONE]


@dataclass(frozen=True, slots=True)
class Row:
    """One model of the list."""

    model: RegisteredModel
    champion: int | None
    production: int | None
    metric: str
    value: float | None
    trend: Markup


async def show(visit: Visit) -> Response:
    """List the models that fit."""
    asked = visit.asked
    order = ORDERS.get(asked.get("sort", ""), ORDERS["updated"])
    by = OrderBy(attribute(Target.MODELS, order[0]), descending=order[1])
    services = visit.services

    def gather() -> dict[str, object]:
        found = services.catalog.find_models(
            filter_of(asked), (by,), page_size=_PAGE, page_token=asked.get("page_token") or None
        )
        return {
            "rows": _rows(services, found.items),
            "next_token": found.next_token,
            "stages": [s.name for s in services.lifecycle.stages()] if visit.may(Verb.READ) else [],
        }

    choices = {"orders": list(ORDERS), "check_states": CHECK_STATES}
    return await visit.page("models", {**choices, **await visit.wait_for(gather)})


def filter_of(asked: Mapping[str, str]) -> Expression | None:
    """Return what the facets ask for; None if they ask for nothing."""
    parts: list[Expression] = []
    for word in asked.get("q", "").split():
        pattern = f"%{_SPECIAL.sub(lambda found: chr(92) + found[0], word)}%"
        fields = attribute(Target.MODELS, "name"), attribute(Target.MODELS, "description")
        parts.append(Or(tuple(Comparison(field, Op.ILIKE, pattern) for field in fields)))
    if stage := asked.get("stage"):
        parts.append(Comparison(_of_version("stage"), Op.EQ, stage))
    if checks := asked.get("checks"):
        parts.append(Comparison(_of_version("checks"), Op.EQ, checks))
    if framework := asked.get("framework"):
        parts.append(Comparison(_of_version("framework"), Op.EQ, framework))
    if owner := asked.get("owner"):
        parts.append(Comparison(attribute(Target.MODELS, "created_by"), Op.EQ, owner))
    if tag := asked.get("tag"):
        key, _, value = tag.partition("=")
        field = Field(Scope.MODEL, Namespace.TAG, key.strip(), FieldType.DYNAMIC)
        parts.append(
            Comparison(field, Op.EQ, value.strip()) if value else Comparison(field, Op.LIKE, "%")
        )
    return conjunction(parts)


def _of_version(name: str) -> Field:
    found = attribute(Target.VERSIONS, name)
    return Field(Scope.VERSION, found.namespace, found.name, found.type)


def _rows(services: Services, models: Sequence[RegisteredModel]) -> list[Row]:
    in_stages = services.catalog.newest_in_stages(models, [_PRODUCTION])
    return [_row(services, model, in_stages.get(model.name, [])) for model in models]


def _row(services: Services, model: RegisteredModel, in_production: Sequence[ModelVersion]) -> Row:
    newest_first = OrderBy(attribute(Target.VERSIONS, "version"), descending=True)
    versions = services.catalog.find_versions(
        None, (newest_first,), page_size=_TREND, model=model.name
    ).items
    metric = headline_of(model.tags, versions)
    values = [v.metrics[metric] for v in reversed(versions) if metric and metric in v.metrics]
    return Row(
        model=model,
        champion=model.aliases.get("champion"),
        production=in_production[0].version if in_production else None,
        metric=metric or "",
        value=values[-1] if values else None,
        trend=spark(values, f"{metric} of the last {len(values)} versions"),
    )


routes: Final = web_routes("/models", get=show)
