"""Pipelines, before they run: compile, plan, graph."""

from __future__ import annotations

import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from muniment.cli.app import PIPELINES
from muniment.cli.draw import Block, Facts, Heading, Lines, Styled
from muniment.cli.session import Session

if TYPE_CHECKING:
    from muniment.pipelines.plan import Plan, PlannedStep

Source: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE[:NAME]",
        help="A Python file with a PipelineBuilderTemplate, or a function that makes one. "
        "(else called template)",
    ),
]


class Picture(StrEnum):
    """How a graph is drawn."""

    MERMAID = "mermaid"
    SVG = "svg"


@PIPELINES.command(
    "muniment pipelines compile fraud_pipeline.py",
    "muniment pipelines compile fraud_pipeline.py --name fraud --to build/fraud",
    name="compile",
)
def compile_(
    session: Session,
    source: Source,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The pipeline's name. (else its own)")
    ] = None,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where to write it.")] = Path("pipeline"),
) -> None:
    """Compile a pipeline offline: no AWS, no credentials, no calls.

    Writes definition.json, and what the definition refers to (scripts, configurations) under
    s3/BUCKET/KEY. `muniment pipelines run` runs it from there.
    """
    from muniment.pipelines.loading import load_template
    from muniment.pipelines.sdk.session import OfflinePipelineSession

    logging.getLogger("sagemaker").setLevel(logging.ERROR)  # it tells what it leaves out, and why
    template = load_template(source)
    offline = OfflinePipelineSession(
        template.region, **({"bucket": template.bucket} if template.bucket else {})
    )
    pipeline = template.with_session(offline).generate_pipeline(name or "")
    definition = pipeline.definition()
    to.mkdir(parents=True, exist_ok=True)
    file = to / "definition.json"
    file.write_text(definition, "utf-8")
    uploads = offline.save_uploads(to / "s3")
    session.out.document(
        {
            "name": pipeline.name,
            "definition": str(file),
            "steps": [step.name for step in pipeline.steps],
            "uploads": [str(path) for path in uploads],
        },
        [str(file)],
        [
            Heading([Styled(pipeline.name, "bold"), f"{len(pipeline.steps)} steps"]),
            Facts([("definition", str(file)), ("uploads", f"{len(uploads)} in {to / 's3'}")]),
        ],
    )


@PIPELINES.command("muniment pipelines plan fraud_pipeline.py")
def plan(session: Session, source: Source) -> None:
    """Show what a pipeline will consist of: each connection with its score, and why.

    Needs no SageMaker SDK.
    """
    from muniment.pipelines.loading import load_template

    found = load_template(source).plan()
    session.out.document(found.to_json(), [step.node for step in found.steps], _plan_page(found))


@PIPELINES.command(
    "muniment pipelines graph fraud_pipeline.py --to fraud.svg",
    "muniment pipelines graph fraud_pipeline.py --form mermaid",
)
def graph(
    session: Session,
    source: Source,
    form: Annotated[
        Picture | None,
        typer.Option(help="How to draw it. (else as the file is called, else mermaid)"),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it. (else here)")
    ] = None,
) -> None:
    """Draw a pipeline: what flows from which step to which."""
    from muniment.pipelines.graph import mermaid, svg
    from muniment.pipelines.loading import load_template

    found = load_template(source).plan()
    if form is None:
        form = Picture.SVG if to is not None and to.suffix == ".svg" else Picture.MERMAID
    picture = svg(found) if form is Picture.SVG else mermaid(found)
    if to is None:
        session.out.document({form.value: picture}, picture.splitlines(), _drawn(picture))
        return
    to.write_text(picture, "utf-8")
    session.out.said({"file": str(to)}, str(to), f"Drew {len(found.steps)} steps: {to}.")


def _drawn(picture: str) -> list[Block]:
    return [Lines([[line] for line in picture.splitlines()])]


def _plan_page(plan: Plan) -> list[Block]:
    return [block for step in plan.steps for block in _step(step)]


def _step(step: PlannedStep) -> list[Block]:
    after = Styled(f"after {', '.join(step.after)}" if step.after else "", "dim")
    lines: list[list[str | Styled]] = [
        [
            f"  {name} ←",
            Styled(f"{match.node}.{match.output.logical_name}", "bold"),
            Styled(str(match.score), "dim"),
        ]
        for name, match in step.connections.items()
    ]
    lines += [[f"  {name} ← the configuration"] for name in step.configured]
    lines += [[f"  {name} ←", Styled("nothing; it is optional", "dim")] for name in step.open]
    heading = Heading([Styled(step.node, "bold"), step.spec.step_type, after])
    return [heading, *([Lines(lines)] if lines else [])]
