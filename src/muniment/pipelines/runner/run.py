"""Execute a definition: one step after the other, in the order that references demand."""

from __future__ import annotations

import re
import secrets
import string
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from muniment.errors import InvalidInput, MunimentError
from muniment.pipelines.runner.container import Container, StepFailed
from muniment.pipelines.runner.definition import Definition, Step
from muniment.pipelines.runner.objects import FolderObjects, Objects, S3Objects
from muniment.pipelines.runner.steps import KINDS, Job
from muniment.pipelines.runner.story import PipelineRun, StepRun, StepStatus
from muniment.pipelines.runner.values import Values

Tell: TypeAlias = Callable[[StepRun], None]

_ID: Final = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,63}")
_ACCOUNT: Final = "000000000000"


def run_pipeline(
    definition: str | Definition,
    workdir: str | Path,
    *,
    name: str = "pipeline",
    parameters: Mapping[str, Any] | None = None,
    execution_id: str = "",
    s3: str | Path | None = None,
    uploads: str | Path | None = None,
    tell: Tell | None = None,
) -> PipelineRun:
    """Execute a compiled pipeline here.

    A step whose predecessors have not all succeeded is skipped; others run all the same.

    Args:
        definition: what `Pipeline.definition()` returns.
        workdir: where all of it stands; made if there is none.
        name: the pipeline's name, which a definition does not hold.
        parameters: of the pipeline; others have their defaults.
        execution_id: the same again makes a retry of an execution; else a new one.
        s3: a folder, or the http(s) URL of an endpoint; else `workdir/s3`.
        uploads: a folder BUCKET/KEY of what must be in S3 before: scripts, configurations.
        tell: called when a step begins, and when it has ended.

    Returns:
        What became of each step. Nothing is raised because a step failed: see `PipelineRun.check`.

    Raises:
        InvalidPipeline: the definition is none that can run here; no step has run.
        InvalidInput: there is no such parameter, or one lacks a value; the execution id is none.
    """
    if isinstance(definition, str):
        definition = Definition.parse(definition)
    execution_id = execution_id or "".join(
        secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12)
    )
    if not _ID.fullmatch(execution_id):
        raise InvalidInput(
            f"The execution id is {execution_id!r:.80}; "
            "it must have 1 to 64 letters, digits and hyphens, and begin and end with no hyphen."
        )
    folder = Path(workdir).resolve() / "executions" / execution_id
    folder.mkdir(parents=True, exist_ok=True)
    values = Values(_parameters(definition, parameters or {}), _execution(name, execution_id))
    told: dict[str, StepRun] = {}
    with closing(_objects(s3 if s3 is not None else Path(workdir).resolve() / "s3")) as objects:
        _upload(None if uploads is None else Path(uploads), objects)
        for step in definition.steps:
            if tell is not None and not _blockers(step, told):
                tell(StepRun(step.name, StepStatus.EXECUTING))
            told[step.name] = _run(step, told, values, folder, objects)
            if tell is not None:
                tell(told[step.name])
    run = PipelineRun(name, execution_id, folder, tuple(told.values()))
    run.save()
    return run


def _run(
    step: Step, told: Mapping[str, StepRun], values: Values, folder: Path, objects: Objects
) -> StepRun:
    if blockers := _blockers(step, told):
        what = ", ".join(f"{b.name} has {b.status.value.lower()}" for b in blockers)
        reason = what.replace("has skipped", "was skipped")
        return StepRun(step.name, StepStatus.SKIPPED, reason=f"{reason}.")
    began = time.monotonic()
    container = Container(folder / step.name)
    outcome = StepRun(step.name, StepStatus.SUCCEEDED)
    outputs: dict[str, Path] = {}
    try:
        arguments = values.resolve(dict(step.arguments))
        # The same name on a retry, as its output then is in the same place.
        job = Job(f"{folder.name}-{step.name}", arguments, container, objects, outputs)
        values.steps[step.name] = KINDS[step.kind](job)
    except (StepFailed, MunimentError, KeyError, OSError) as error:
        reason = f"The request lacks {error}." if isinstance(error, KeyError) else str(error)
        outcome = replace(
            outcome, status=StepStatus.FAILED, reason=reason, log_tail=container.tail()
        )
    return replace(
        outcome,
        seconds=time.monotonic() - began,
        log=container.log if container.log.is_file() else None,
        outputs=outputs,
        properties=values.steps.get(step.name, {}),
    )


def _blockers(step: Step, told: Mapping[str, StepRun]) -> list[StepRun]:
    """Return the predecessors that have not succeeded."""
    return [told[name] for name in step.needs if told[name].status is not StepStatus.SUCCEEDED]


def _objects(place: str | Path) -> Objects:
    if isinstance(place, str) and place.lower().startswith(("http://", "https://")):
        return S3Objects(place)
    return FolderObjects(Path(place))


def _upload(uploads: Path | None, objects: Objects) -> None:
    if uploads is None or (
        isinstance(objects, FolderObjects) and uploads.resolve() == objects.root
    ):
        return
    for bucket in sorted(uploads.iterdir()):
        objects.store(bucket, f"s3://{bucket.name}")


def _parameters(definition: Definition, given: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(given.keys() - definition.parameters.keys()):
        known = ", ".join(definition.parameters) or "none"
        raise InvalidInput(
            f"The pipeline has no parameter {unknown[0]!r}.", hint=f"Its parameters: {known}."
        )
    values = {**definition.parameters, **given}
    if missing := [name for name, value in values.items() if value is None]:
        raise InvalidInput(f"The parameter {missing[0]!r} has no default; it must be given.")
    return values


def _execution(name: str, execution_id: str) -> dict[str, str]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    arn = f"arn:aws:sagemaker:local:{_ACCOUNT}:pipeline/{name}"
    return {
        "PipelineName": name,
        "PipelineArn": arn,
        "PipelineExecutionId": execution_id,
        "PipelineExecutionArn": f"{arn}/execution/{execution_id}",
        "StartDateTime": now,
        "CurrentDateTime": now,
    }
