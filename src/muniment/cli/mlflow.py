"""MLflow beside Muniment: mlflow doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli import exits
from muniment.cli.app import MLFLOW
from muniment.cli.session import Session


@MLFLOW.command(
    "muniment mlflow doctor",
    "muniment mlflow doctor http://127.0.0.1:8000",
    "muniment mlflow doctor muniment+http://127.0.0.1:8000 --read-only",
)
def doctor(
    session: Session,
    url: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", help="The server; else the one the environment names."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Write nothing, not even a small file.")
    ] = False,
) -> None:
    """Tell what in this set-up works with MLflow, and what does not.

    Looks at this environment (MLflow, plugin, variables) and at the server (sign-in, registry,
    artifacts, tracking). A file of 16 bytes is written, read and deleted. Exit code 1: something
    fails. MLflow need not be installed.
    """
    from muniment.ml.doctor import examine

    report = examine(url or session.address, read_only=read_only)
    session.out.examined(report)
    if not report.ok:
        raise typer.Exit(exits.FAILURE)
