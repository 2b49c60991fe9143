"""Checks of versions, and of files anywhere: check show, run, ls, configure; scan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from muniment.cli import check_pages, exits, usage_pages
from muniment.cli.app import CHECK, LOOK, command
from muniment.cli.session import Session
from muniment.domain.checks import Verdict
from muniment.errors import InvalidInput
from muniment.scanning import scan_file, worst

_UNKNOWN = 2  # what `scan` exits with, as many scanners do

Ref = Annotated[str, typer.Argument(metavar="REF", help="The version.")]


@CHECK.command("muniment check fraud/3", "muniment check show fraud@champion -o json")
def show(session: Session, ref: Ref) -> None:
    """Show what checks found in a version, and which it still waits for."""
    results = session.registry.checks(ref)
    session.out.entities(results, lambda r: f"{r.name} {r.verdict}", usage_pages.checks)
    if waiting := session.registry.waiting_checks(ref):
        session.out.note(f"It waits for {', '.join(waiting)}.")


@CHECK.command("muniment check run fraud/3", "muniment check run fraud/3 schema card ownership")
def run(
    session: Session,
    ref: Ref,
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="[CHECK]…", help="Else those of the workspace.")
    ] = None,
) -> None:
    """Run checks on a version and wait for what they find. Exit code 1: one does not pass."""
    results = session.registry.run_checks(ref, *(checks or ()))
    session.out.entities(results, lambda r: f"{r.name} {r.verdict}", usage_pages.checks)
    if worst(result.verdict for result in results) is not Verdict.PASS:
        raise typer.Exit(exits.FAILURE)


@CHECK.command("muniment check ls")
def ls(session: Session) -> None:
    """List the checks that can be run, and which of them run when a version is sealed."""
    settled = session.registry.check_configuration()
    found = session.registry.available_checks()
    session.out.document(
        [{"name": name, "on": name in settled.checks} for name in found],
        found,
        check_pages.available_checks(found, settled.checks),
    )


@CHECK.command(
    "muniment check configure",
    "muniment check configure integrity formats serialization archives card",
    "muniment check configure serialization --seconds 1800 --memory 8192",
    "muniment check configure --none",
)
def configure(
    session: Session,
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="[CHECK]…", help="All that are to run.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Run no checks.")] = False,
    seconds: Annotated[
        int | None, typer.Option(metavar="N", help="How long each may take.")
    ] = None,
    memory: Annotated[
        int | None, typer.Option(metavar="MIB", help="How much memory each may use, in MiB.")
    ] = None,
) -> None:
    """Choose which checks run when a version is sealed, or show the choice."""
    if none and checks:
        raise InvalidInput("--none, and checks?", hint="Leave out one of the two.")
    registry = session.registry
    settled = registry.check_configuration()
    if checks or none or seconds is not None or memory is not None:
        settled = registry.configure_checks(
            *(() if none else checks or settled.checks),
            seconds=seconds,
            memory=None if memory is None else memory << 20,
        )
    session.out.entity(settled, " ".join(settled.checks), check_pages.check_configuration)


@command(LOOK, "muniment scan model.pkl", "muniment scan ./model -o json")
def scan(
    session: Session,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Files, or folders with all in them.")
    ],
) -> None:
    """Say what files are and whether reading them could run code; nothing is loaded.

    Works without a registry. Exit code 1: something was found; 2: nobody can tell.
    """
    reports = [scan_file(path, name) for path, name in _files(paths)]
    session.out.entities(reports, lambda r: f"{r.verdict} {r.name}", check_pages.scanned)
    verdict = worst(report.verdict for report in reports)
    if verdict is not Verdict.PASS:
        raise typer.Exit(exits.FAILURE if verdict is Verdict.FAIL else _UNKNOWN)


def _files(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file():
                    yield file, file.relative_to(path).as_posix()
        elif path.exists():
            yield path, path.name
        else:
            raise InvalidInput(f"There is no file {str(path)!r:.300}.")
