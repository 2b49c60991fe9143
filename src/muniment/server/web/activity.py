"""Activity: what happened, filtered, page by page; what a name meant at a time; all of it to take.

/activity?kind=stage&model=fraud        stage.changed of one model
/activity?of=fraud@champion&at=…        the version that the alias meant then
/activity/export?form=csv&model=fraud   everything that fits, streamed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import groupby
from typing import Final

from starlette.responses import Response

from muniment.domain.activities import OF_MODELS, Happened
from muniment.domain.entities import ModelVersion, Page
from muniment.domain.refs import parse_ref
from muniment.domain.values import time_from_json
from muniment.errors import InvalidInput, MunimentError
from muniment.server.api.exports import CSV, NDJSON, export_answer
from muniment.server.web.frame import Visit, web_routes
from muniment.server.web.telling import told
from muniment.services import Services

_PAGE: Final = 50
_FILTERS: Final = ("kind", "actor", "model", "version")
_FORMS: Final = {"csv": CSV, "jsonl": NDJSON}
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    family: tuple(kind.value for kind in OF_MODELS if kind.value.partition(".")[0] == family)
    for family in dict.fromkeys(kind.value.partition(".")[0] for kind in OF_MODELS)
}
"""The kinds of activity, by what they are about: `stage` and `stage.changed`, say."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which activities are asked for; None and nothing where everything fits."""

    kinds: tuple[str, ...]
    actor: str | None
    model: str | None
    version: int | None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Wanted:
        """Read the filters of a page. Raises InvalidInput."""
        kind, model, number = (asked.get(key, "").strip() for key in ("kind", "model", "version"))
        if number and not model:
            raise InvalidInput(
                f"Version {number:.40} of which model?",
                hint="Name the model, too.",
                details={"field": "model"},
            )
        if number and not (number.isascii() and number.isdecimal() and len(number) < 19):
            raise InvalidInput(
                f"{number!r:.80} is no version.",
                hint="Write its number.",
                details={"field": "version"},
            )
        kinds = FAMILIES.get(kind, (kind,) if kind else ())
        actor = asked.get("actor", "").strip() or None
        return cls(kinds, actor, model or None, int(number) if number else None)


@dataclass(frozen=True, slots=True)
class Meant:
    """What a reference meant at a time, and what version that is."""

    ref: str
    at: datetime
    version: ModelVersion


async def show(visit: Visit) -> Response:
    """Show what happened; with `of` and `at`, also what a name meant at a time."""
    asked, services = visit.asked, visit.services
    values: dict[str, object] = {"days": [], "next_token": None, "meant": None}
    fault: MunimentError | None = None
    try:
        page = await visit.wait_for(partial(_page_of, services, Wanted.of(asked), asked))
        values |= {"days": _by_day(page.items), "next_token": page.next_token}
        if asked.get("of"):
            values["meant"] = await visit.wait_for(
                partial(_meant, services, asked["of"], asked.get("at", ""))
            )
    except MunimentError as refused:
        fault = refused
    known = {
        "families": FAMILIES,
        "told": told,
        "filters": {key: asked[key] for key in _FILTERS if asked.get(key)},
    }
    return await visit.page("activity", {**known, **values}, fault=fault)


async def export(visit: Visit) -> Response:
    """Return everything that fits, as a file."""
    form = visit.asked.get("form", "csv")
    if form not in _FORMS:
        raise InvalidInput(f"There is no export as {form!r:.40}.", hint="Ask for csv or jsonl.")
    wanted = Wanted.of(visit.asked)
    entries = await visit.wait_for(partial(_all_of, visit.services, wanted))
    name = f"activity-{wanted.model}" if wanted.model and wanted.model.isascii() else "activity"
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    return export_answer(visit.request, entries, _FORMS[form], safe)


def _page_of(services: Services, wanted: Wanted, asked: Mapping[str, str]) -> Page[Happened]:
    token = asked.get("page_token") or None
    if wanted.model is None or wanted.version is None:
        return services.feed.activities(
            kinds=wanted.kinds,
            actor=wanted.actor,
            model=wanted.model,
            page_size=_PAGE,
            page_token=token,
        )
    page = services.catalog.history(
        wanted.model,
        kinds=wanted.kinds,
        actor=wanted.actor,
        version=wanted.version,
        page_size=_PAGE,
        page_token=token,
    )
    return Page(tuple(Happened(wanted.model, 0, entry) for entry in page.items), page.next_token)


def _all_of(services: Services, wanted: Wanted) -> Iterator[Happened]:
    if wanted.model is None:
        return services.feed.export(kinds=wanted.kinds, actor=wanted.actor)
    return services.feed.export_history(
        wanted.model, kinds=wanted.kinds, actor=wanted.actor, version=wanted.version
    )


def _by_day(items: Sequence[Happened]) -> list[tuple[date, list[Happened]]]:
    days = groupby(items, key=lambda happened: happened.activity.at.date())
    return [(day, list(happened)) for day, happened in days]


def _meant(services: Services, of: str, at: str) -> Meant:
    """Return what a reference meant. Raises InvalidInput, NotFound: both at the field `of`."""
    if not at:
        raise InvalidInput("At what time?", details={"field": "at"})
    try:
        time = time_from_json(at)
    except InvalidInput as fault:
        raise _at(fault, "at") from None
    try:
        ref = parse_ref(of.strip())
        return Meant(str(ref), time, services.lifecycle.as_of(ref, time))
    except MunimentError as fault:
        raise _at(fault, "at" if fault.details.get("field") == "as_of" else "of") from None


def _at(fault: MunimentError, field: str) -> MunimentError:
    """Return an error at the field of the form that it is about."""
    details = {**fault.details, "field": field}
    return type(fault)(fault.message, hint=fault.hint, details=details)


routes: Final = [
    *web_routes("/activity", get=show),
    *web_routes("/activity/export", get=export),
]
