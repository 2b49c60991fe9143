"""A model: who holds which stage and alias, its card, its versions, where its metric went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from markupsafe import Markup
from starlette.responses import Response

from muniment.domain import names
from muniment.domain.activities import Activity, ActivityKind
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.query import (
    Expression,
    Field,
    FieldType,
    Namespace,
    OrderBy,
    Scope,
    Target,
    attribute,
)
from muniment.errors import InvalidInput, MunimentError
from muniment.server.context import context_of
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.headline import headline_of, higher_is_better
from muniment.server.web.lanes import in_stage, lanes
from muniment.server.web.markdown import card
from muniment.server.web.telling import told
from muniment.server.web.trend import Point, trend
from muniment.server.web.words import model_path
from muniment.services import Services

PRODUCTION: Final = "Production"
_PAGE: Final = 15
_TREND: Final = 60  # versions
_CHANGES: Final = 60
_COLUMNS: Final = 3
_MOST_COLUMNS: Final = 8
_CHOICES: Final = 60
_CONSUMERS: Final = 12
_HAPPENED: Final = 8
_VERSION: Final = attribute(Target.VERSIONS, "version")


@dataclass(frozen=True, slots=True)
class Chart:
    """The trend of one metric."""

    metric: str
    higher: bool
    picture: Markup
    promotions: int


async def show(visit: Visit, fault: MunimentError | None = None) -> Response:
    """Show a model."""
    services, name, asked = visit.services, visit.params["name"], visit.asked

    def gather() -> dict[str, object]:
        model = services.catalog.model(name)
        newest = services.catalog.find_versions(
            None, (OrderBy(_VERSION, descending=True),), page_size=_TREND, model=name
        ).items
        changes = services.catalog.history(
            name, kinds=[ActivityKind.STAGE_CHANGED], page_size=_CHANGES
        ).items
        headline = headline_of(model.tags, newest)
        known = sorted({metric for version in newest for metric in version.metrics})
        columns = _columns(visit.request.query_params.getlist("metric"), headline, newest)
        rows = services.catalog.find_versions(
            _filter_of(asked),
            (_order_of(model, asked.get("sort", "")),),
            page_size=_PAGE,
            model=name,
            page_token=asked.get("page_token") or None,
            deleted=bool(asked.get("deleted")),
        )
        return {
            "model": model,
            "card": card(model.description) if model.description else "",
            "lanes": lanes(services, model, changes),
            "aliases": services.catalog.aliases(name),
            "rows": rows.items,
            "next_token": rows.next_token,
            "columns": columns,
            "chosen": _chosen(visit, columns),
            "known_metrics": list(dict.fromkeys([*columns, *known[:_CHOICES]])),
            "higher": {metric: higher_is_better(model.tags, metric) for metric in columns},
            "chart": _chart(model, changes, asked.get("trend") or headline, newest),
            "known_trends": known[:_CHOICES],
            "stages": [stage.name for stage in services.lifecycle.stages()],
            "may": services.lifecycle.verbs(name),
            "deployed": services.deployments.deployments(model=name, page_size=_CONSUMERS),
            "uses": services.uses.uses(model=name, limit=_CONSUMERS),
            "happened": services.catalog.history(name, page_size=_HAPPENED).items,
        }

    values = await visit.wait_for(gather)
    window = context_of(visit.request).ports.retention.restore_window
    return await visit.page("model", {**values, "told": told, "window": window}, fault=fault)


async def act(visit: Visit) -> Response:
    """Delete the model, or undo the last change of a stage."""
    try:
        path, said = await visit.wait_for(partial(_done, visit.services, visit))
    except MunimentError as fault:
        return await show(visit, fault)
    return visit.lead_on(path, said)


def _done(services: Services, visit: Visit) -> tuple[str, str]:
    name, form = visit.params["name"], visit.form
    match form.get("action"):
        case "delete":
            services.catalog.delete_model(name, force=form.get("force") == "yes")
            return "/deleted-models", f"{name:.200} was deleted. It can be restored here."
        case "rollback":
            undone = services.lifecycle.rollback(
                name, form.get("stage", ""), comment=form.get("comment", "")
            )
            back = ", ".join(map(str, undone.versions))
            return model_path(name), f"Version {back} is in {undone.name} again."
    raise InvalidInput("The form does not say what to do.", hint="Use one of its buttons.")


# -- the table -----------------------------------------------------------------------------------


def _filter_of(asked: Mapping[str, str]) -> Expression | None:
    return in_stage(asked["stage"]) if asked.get("stage") else None


def _order_of(model: RegisteredModel, sort: str) -> OrderBy:
    """Return what `newest`, `oldest` or `metric:auc` (the best first) means."""
    if sort.startswith("metric:"):
        metric = names.check_key(sort.removeprefix("metric:"), "metric")
        field = Field(Scope.VERSION, Namespace.METRIC, metric, FieldType.NUMBER)
        return OrderBy(field, descending=higher_is_better(model.tags, metric))
    return OrderBy(_VERSION, descending=sort != "oldest")


def _columns(
    asked: Sequence[str], headline: str | None, newest: Sequence[ModelVersion]
) -> list[str]:
    """Return the metrics that have a column: those asked for, else the headline and some more."""
    if chosen := [metric for metric in asked if metric]:
        return list(dict.fromkeys(chosen))[:_MOST_COLUMNS]
    measured = next((sorted(v.metrics) for v in newest if v.metrics), [])
    first = [headline] if headline else []
    return list(dict.fromkeys([*first, *measured]))[:_COLUMNS]


def _chosen(visit: Visit, columns: Sequence[str]) -> dict[str, object]:
    """Return what the address says, for links that change a part of it."""
    keys = ("stage", "sort", "deleted", "trend", "page_token")
    chosen: dict[str, object] = {key: visit.asked[key] for key in keys if visit.asked.get(key)}
    if visit.asked.get("metric"):
        chosen["metric"] = list(columns)
    return chosen


# -- the trend -----------------------------------------------------------------------------------


def _chart(
    model: RegisteredModel,
    changes: Sequence[Activity],
    metric: str | None,
    newest: Sequence[ModelVersion],
) -> Chart | None:
    measured = [v for v in reversed(newest) if metric in v.metrics] if metric else []
    if metric is None or not measured:
        return None
    promoted = _promoted(changes)
    points = [Point(v.version, v.metrics[metric], promoted.get(v.version, "")) for v in measured]
    marked = sum(bool(point.entered) for point in points)
    label = (
        f"{metric:.100} of versions {points[0].version} to {points[-1].version}, "
        f"last {points[-1].value:g}; {marked} of them entered {PRODUCTION}"
    )
    higher = higher_is_better(model.tags, metric)
    return Chart(metric, higher, trend(points, label), marked)


def _promoted(changes: Sequence[Activity]) -> dict[int, str]:
    """Return the versions that lately entered Production."""
    return {
        change.version: PRODUCTION
        for change in changes
        if change.version is not None and change.details.get("to") == PRODUCTION
    }


routes: Final = web_routes("/models/{name}", get=show, post=act)
