"""Keeping house: rm, restore, gc, verify."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from muniment.cli import exits, provenance_pages, words
from muniment.cli.app import KEEP_HOUSE, command
from muniment.cli.session import Session, ask, quoted
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.refs import parse_ref
from muniment.domain.signatures import SignatureState
from muniment.domain.values import JsonObject
from muniment.errors import Conflict, InvalidInput, NotFound

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
    "muniment verify fraud/3 --key release.pub",
    "muniment verify fraud-3-evidence.zip",
    "muniment verify ./model --signature model.sig --key release.pub",
)
def verify(
    session: Session,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|REF|PACK.zip|FOLDER",
            help="A model or a version; an evidence pack; with --signature a folder; else all.",
        ),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A public key or certificate: one of them must have signed; may be given again.",
        ),
    ] = None,
    signature: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The bundle that signs a folder.")
    ] = None,
) -> None:
    """Read bytes and history back, and check every digest and signature.

    An evidence pack and a folder are verified without any registry. The exit code is 7 if anything
    is not sound.
    """
    if signature is not None:
        _verify_folder(session, what, signature, key or ())
        return
    if what is not None and what.endswith(".zip") and Path(what).is_file():
        _verify_pack(session, Path(what), key or ())
        return
    found = None if what is None else session.find(what)
    if key and not isinstance(found, ModelVersion):
        raise InvalidInput("--key is for one version, a pack or a folder.", hint="Name it.")
    if isinstance(found, ModelVersion):
        reports = [session.registry.verify(found, keys=key or ())]
    else:
        reports = []
        for model in session.registry.models() if found is None else [found]:
            for report in session.registry.verify_model(model.name):
                session.out.note(f"{report.ref}: {'sound' if report.ok else 'NOT SOUND'}")
                reports.append(report)
    session.out.verified(reports)
    if not all(report.ok for report in reports):
        raise typer.Exit(exits.NOT_VERIFIED)


def _verify_pack(session: Session, file: Path, keys: Sequence[Path]) -> None:
    from muniment.client.provenance import load_trusted
    from muniment.signing.packs import open_pack
    from muniment.signing.proofs import prove

    with open_pack(file) as stream:
        report = prove(stream, load_trusted(keys))
    lines = [] if report.ok else [report.ref]
    session.out.document(report.to_json(), lines, provenance_pages.proved(report))
    if not report.ok:
        raise typer.Exit(exits.NOT_VERIFIED)
    if not keys:
        session.out.hint(
            "Which keys were trusted, the pack itself says; --key FILE names those that you trust."
        )


def _verify_folder(
    session: Session, what: str | None, signature: Path, keys: Sequence[Path]
) -> None:
    from muniment.client.provenance import load_trusted, manifest_of_folder
    from muniment.signing.judging import judge

    if what is None or not Path(what).is_dir():
        raise InvalidInput(f"{what or ''!r:.300} is no folder.", hint="--signature is of a folder.")
    if not keys:
        raise InvalidInput("Whose signature?", hint="--key FILE, a public key or a certificate.")
    manifest = manifest_of_folder(Path(what), but=signature)
    judgement = judge(signature.read_text(encoding="utf-8"), manifest, load_trusted(keys))
    document: JsonObject = {
        "folder": what,
        "files": len(manifest.files),
        "state": judgement.state.value,
        "key": judgement.key,
        "reasons": [*judgement.reasons],
    }
    verified = judgement.state is SignatureState.VERIFIED
    by = f" by {judgement.key}" if judgement.key else f": {'; '.join(judgement.reasons)}"
    files = words.count(len(manifest.files), "file")
    session.out.said(document, "" if verified else what, f"{what}: {files}, {judgement.state}{by}.")
    if not verified:
        raise typer.Exit(exits.NOT_VERIFIED)


def _described(found: RegisteredModel | ModelVersion) -> str:
    if isinstance(found, RegisteredModel):
        return f"{found.name} with {words.count(found.version_count, 'version')}"
    at = "".join(f", @{alias}" for alias in found.aliases)
    return f"{found.ref} ({words.size(found.size)}{at})"
