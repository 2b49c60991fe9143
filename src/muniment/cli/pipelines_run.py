"""Pipelines, executed here: run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli.app import PIPELINES
from muniment.cli.draw import Block, Facts, Heading, Lines, Styled
from muniment.cli.session import Session
from muniment.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from muniment.pipelines.runner import PipelineRun, StepRun

_COLOURS = {"Succeeded": "green", "Failed": "red", "Skipped": "yellow"}


@PIPELINES.command(
    "muniment pipelines run pipeline/definition.json --workdir work",
    "muniment pipelines run pipeline/definition.json --workdir work --execution-id try-1",
    "muniment pipelines run pipeline/definition.json --workdir work --objects http://127.0.0.1:9000",
)
def run(
    session: Session,
    definition: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `muniment pipelines compile` wrote.")
    ],
    workdir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where executions stand: folders, logs, S3.")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The pipeline's name. (else the folder's)")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter; repeatable."),
    ] = None,
    execution_id: Annotated[
        str, typer.Option(metavar="ID", help="The same again is a retry. (else a new one)")
    ] = "",
    objects: Annotated[
        str | None, typer.Option(metavar="DIR|URL", help="S3 itself. (else DIR/s3 in the workdir)")
    ] = None,
) -> None:
    """Run a compiled pipeline here: no AWS, no docker.

    Each step runs in a process of its own, with its own folders and a log. What stands under s3/
    beside the definition is put to S3 first. If a step fails, those that need it are skipped.
    """
    from muniment.pipelines.runner import StepStatus, run_pipeline

    if not definition.is_file():
        raise NotFound(
            f"There is no file {str(definition)!r}.", hint="`muniment pipelines compile` writes it."
        )

    def tell(step: StepRun) -> None:
        if step.status is StepStatus.EXECUTING:
            session.out.note(f"{step.name} …")
        else:
            session.out.note(f"{step.name}: {step.status.value.lower()} ({step.seconds:.1f} s)")

    uploads = definition.resolve().parent / "s3"
    done = run_pipeline(
        definition.read_text("utf-8"),
        workdir,
        name=name or definition.resolve().parent.name,
        parameters=_pairs(parameter or []),
        execution_id=execution_id,
        s3=objects,
        uploads=uploads if uploads.is_dir() else None,
        tell=tell,
    )
    session.out.document(done.to_json(), [done.execution_id], _page(done))
    done.check()


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise InvalidInput(f"{one!r:.200} is no parameter.", hint="Write NAME=VALUE.")
        pairs[name] = value
    return pairs


def _page(run: PipelineRun) -> list[Block]:
    width = max(len(step.name) for step in run.steps)
    lines: list[list[str | Styled]] = [
        [
            Styled(f"{step.status.value:<10}", _COLOURS[step.status.value]),
            f"{step.name:<{width}} ",
            Styled(step.reason or f"{step.seconds:.1f} s", "dim"),
        ]
        for step in run.steps
    ]
    tails = [
        Lines([[Styled(f"  {line}", "dim")] for line in step.log_tail.splitlines()])
        for step in run.steps
        if step.log_tail
    ]
    return [
        Heading([Styled(run.pipeline, "bold"), f"execution {run.execution_id}"]),
        Lines(lines),
        *tails,
        Facts([("folder", str(run.folder))]),
    ]
