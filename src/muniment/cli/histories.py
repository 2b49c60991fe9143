"""What happened, and who held what: log, tenures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from muniment.cli import exporting, lifecycle_pages, usage_pages
from muniment.cli.app import LOOK, command
from muniment.cli.exporting import ExportForm, To
from muniment.cli.look import Limit
from muniment.cli.session import Session
from muniment.domain.refs import parse_ref
from muniment.errors import InvalidInput

_COLUMNS: Final = (
    *("model", "model_uuid", "sequence", "at", "kind", "actor", "version", "comment"),
    *("details", "previous", "hash"),
)


@command(
    LOOK,
    "muniment log fraud --limit 5",
    "muniment log fraud/3 --kind stage.changed",
    "muniment log --all --actor ada",
    "muniment log fraud --oldest --format csv --to history.csv",
)
def log(
    session: Session,
    what: Annotated[
        str | None, typer.Argument(metavar="NAME|NAME/N", help="A model, or one version.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="What happened to all models.")] = False,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only such entries; may be given again."),
    ] = None,
    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Only what they did.")] = None,
    limit: Limit = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="Begin with the oldest.")] = False,
    form: Annotated[
        ExportForm | None,
        typer.Option("--format", help="Write all of it: JSON lines hold all, CSV is for sheets."),
    ] = None,
    to: To = None,
) -> None:
    """Show a model's history, or that of all models: who did what, and when."""
    if (what is None) != everything:
        raise InvalidInput("Whose history?", hint="Name a model, or write --all.")
    if to is not None and form is None:
        raise InvalidInput("--to is for an export.", hint="Say --format jsonl or csv.")
    if form is not None and limit is not None:
        raise InvalidInput("An export is the whole.", hint="Leave out --limit or --format.")
    if what is None:
        _feed(session, kind or (), actor, limit, oldest, form, to)
    else:
        _history(session, _place(what), kind or (), actor, limit, oldest, form, to)


@command(
    LOOK,
    "muniment tenures fraud",
    "muniment tenures fraud Production",
    "muniment tenures fraud @champion",
)
def tenures(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    of: Annotated[
        str | None, typer.Argument(metavar="STAGE|@ALIAS", help="Only this; else all of them.")
    ] = None,
) -> None:
    """Show which version held which stage and alias, and when, the latest first."""
    session.out.entities(
        session.registry.tenures(model, of),
        lambda held: f"{lifecycle_pages.post_name(held.post, held.name)} {held.version}",
        lifecycle_pages.tenures,
    )


def _history(
    session: Session,
    place: tuple[str, int | None],
    kinds: Sequence[str],
    actor: str | None,
    limit: int | None,
    oldest: bool,
    form: ExportForm | None,
    to: Path | None,
) -> None:
    model, version = place
    if form is not None:
        entries = session.registry.backend.feed.export_history(
            model, kinds=kinds, actor=actor, version=version, newest_first=not oldest
        )
        exporting.export(session, (e.to_json() for e in entries), form, _COLUMNS, to)
        return
    listing = session.registry.history(
        model, kinds=kinds, actor=actor, version=version, newest_first=not oldest
    )
    found = session.listed(listing.page, limit)
    session.out.activities(found.items)
    session.tell_of_more(found)


def _feed(
    session: Session,
    kinds: Sequence[str],
    actor: str | None,
    limit: int | None,
    oldest: bool,
    form: ExportForm | None,
    to: Path | None,
) -> None:
    if oldest:
        raise InvalidInput("What happened to all models comes latest first.", hint="No --oldest.")
    if form is not None:
        entries = session.registry.backend.feed.export(kinds=kinds, actor=actor)
        exporting.export(session, (e.to_json() for e in entries), form, _COLUMNS, to)
        return
    found = session.listed(session.registry.activities(kinds=kinds, actor=actor).page, limit)
    session.out.entities(
        found.items,
        lambda one: f"{one.activity.sequence} {one.activity.hash}",
        usage_pages.happened,
    )
    session.tell_of_more(found)


def _place(what: str) -> tuple[str, int | None]:
    """Read a model, or a model and a version by its number."""
    ref = parse_ref(what)
    if ref.version is None and str(ref) != ref.model:
        raise InvalidInput(
            f"{what!r:.200} may mean another version tomorrow.",
            hint=f"Name the model, or a version by its number: {ref.model}/3.",
        )
    return ref.model, ref.version
