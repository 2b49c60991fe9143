"""Keeping house: rm, restore, gc, verify."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli import exits, words
from muniment.cli.app import KEEP_HOUSE, command
from muniment.cli.session import Session, ask, quoted
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.refs import parse_ref
from muniment.errors import Conflict, NotFound

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@command(
    KEEP_HOUSE,
    "muniment rm fraud/2",
    "muniment rm fraud/2 --force",
    "muniment rm fraud --dry-run",
    "muniment rm fraud --yes",
)
def rm(
    session: Session,
    what: Annotated[
        str, typer.Argument(metavar="NAME|REF", help="A model with all its versions, or one.")
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Delete it even if something uses it.")
    ] = False,
) -> None:
    """Delete a model or a version; it can be restored.

    Deleted things are kept for a while (30 days, unless the server is set up otherwise), until
    `muniment gc` purges them.
    """
    found = session.find(what)
    name = _described(found)
    if dry_run:
        session.out.done(found, f"Would delete {name}. Nothing was changed.")
        return
    if not yes:
        ask(f"Delete {name}?")
    gone: RegisteredModel | ModelVersion
    if isinstance(found, ModelVersion):
        gone = session.registry.delete_version(found, force=force, if_match=found.revision)
        back = found.ref
    else:
        gone = session.registry.delete_model(found.name, force=force, if_match=found.revision)
        back = found.name
    session.out.done(gone, f"Deleted {name}.")
    session.out.hint(f"`muniment restore {back}` brings it back, until garbage collection.")


@command(
    KEEP_HOUSE,
    "muniment restore fraud/2",
    "muniment restore fraud",
    "muniment restore fraud --id 17",
)
def restore(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="NAME|NAME/N", help="A deleted model or version.")],
    model_id: Annotated[
        int | None,
        typer.Option("--id", metavar="ID", help="Which one, if several had the name."),
    ] = None,
) -> None:
    """Bring back a deleted model or version."""
    ref = parse_ref(what)
    if ref.version is not None:
        version = session.registry.restore_version(ref)
        session.out.done(version, f"Restored {version.ref}. Its aliases were dropped.")
        return
    candidates = session.registry.models(f"name = {quoted(what)}", deleted=True).all()
    if model_id is not None:
        candidates = [model for model in candidates if model.id == model_id]
    if not candidates:
        raise NotFound(
            f"No deleted model is called {what!r:.200}"
            + (f" with the id {model_id}." if model_id is not None else "."),
            hint="`muniment ls --deleted` lists what can be restored.",
        )
    if len(candidates) > 1:
        ids = ", ".join(
            f"{model.id} (deleted {words.moment(model.deleted_at)})"
            for model in candidates
            if model.deleted_at
        )
        raise Conflict(
            f"{len(candidates)} deleted models are called {what!r:.200}: {ids}.",
            hint=f"Choose one with --id {candidates[-1].id}.",
        )
    model = candidates[0].restore()
    versions = words.count(model.version_count, "version")
    session.out.done(model, f"Restored {model.name} with {versions}.")


@command(
    KEEP_HOUSE,
    "muniment gc --dry-run",
    "muniment gc",
    "muniment gc --restore-window 7d",
)
def gc(
    session: Session,
    dry_run: DryRun = False,
    restore_window: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Purge what was deleted longer ago, e.g. 7d. (else 30d)"),
    ] = None,
    grace: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Keep bytes that were needed since, e.g. 12h. (else 1d)"),
    ] = None,
) -> None:
    """Free what was deleted long ago and what nothing needs.

    Versions whose restore window is over are purged, then the bytes that no version needs are
    removed. Safe at any time: bytes of uploads in progress are left alone.
    """
    report = session.registry.collect_garbage(
        dry_run=dry_run,
        restore_window=None if restore_window is None else words.duration(restore_window),
        grace=None if grace is None else words.duration(grace),
    )
    session.out.garbage(report)


@command(
    KEEP_HOUSE,
    "muniment verify fraud@champion",
    "muniment verify fraud",
    "muniment verify",
)
def verify(
    session: Session,
    what: Annotated[
        str | None,
        typer.Argument(metavar="NAME|REF", help="A model or a version; else everything."),
    ] = None,
) -> None:
    """Read bytes and history back, and check every digest.

    The exit code is 7 if anything is not sound.
    """
    found = None if what is None else session.find(what)
    if isinstance(found, ModelVersion):
        reports = [session.registry.verify(found)]
    else:
        reports = []
        for model in session.registry.models() if found is None else [found]:
            for report in session.registry.verify_model(model.name):
                session.out.note(f"{report.ref}: {'sound' if report.ok else 'NOT SOUND'}")
                reports.append(report)
    session.out.verified(reports)
    if not all(report.ok for report in reports):
        raise typer.Exit(exits.NOT_VERIFIED)


def _described(found: RegisteredModel | ModelVersion) -> str:
    if isinstance(found, RegisteredModel):
        return f"{found.name} with {words.count(found.version_count, 'version')}"
    at = "".join(f", @{alias}" for alias in found.aliases)
    return f"{found.ref} ({words.size(found.size)}{at})"
