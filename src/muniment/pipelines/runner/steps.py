"""What each kind of step does, and what others may refer to when it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from muniment.errors import NotFound
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.runner.container import Container, StepFailed
from muniment.pipelines.runner.objects import Objects
from muniment.pipelines.scripts.packaging import pack

LONGEST: Final = 24 * 60 * 60.0  # seconds, where a definition sets no limit


@dataclass
class Job:
    """A step about to run: its request, filled in, and where it runs."""

    name: str
    arguments: Mapping[str, Any]
    container: Container
    objects: Objects
    outputs: dict[str, Path]

    @property
    def seconds(self) -> float:
        """Its time limit."""
        limit = self.arguments.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        return LONGEST if limit is None else float(limit)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its command."""
        given = self.arguments.get("Environment") or {}
        return {**self.objects.environment(), **{k: str(v) for k, v in given.items()}}


def process(job: Job) -> dict[str, Any]:
    """Run a processing job: inputs come, the command runs, outputs go."""
    arguments = job.arguments
    for given in arguments.get("ProcessingInputs") or ():
        name, source = given.get("InputName"), given.get("S3Input")
        if not source:
            raise InvalidPipeline(f"Input {name!r} is no S3Input; nothing else can be read here.")
        _check_mode(f"Input {name!r}", source, "S3InputMode")
        folder = job.container.path(source["LocalPath"])
        folder.mkdir(parents=True, exist_ok=True)
        job.objects.fetch(source["S3Uri"], folder)
    outputs = arguments.get("ProcessingOutputConfig", {}).get("Outputs") or ()
    for given in outputs:
        if not given.get("S3Output"):
            raise InvalidPipeline(
                f"Output {given.get('OutputName')!r} is no S3Output; nothing else is known here."
            )
        folder = job.container.path(given["S3Output"]["LocalPath"])
        folder.mkdir(parents=True, exist_ok=True)
        job.outputs[given["OutputName"]] = folder
    command = _command(arguments.get("AppSpecification", {}))
    job.container.run(command, job.environment, seconds=job.seconds)
    for given in outputs:
        job.objects.store(job.outputs[given["OutputName"]], given["S3Output"]["S3Uri"])
    return {
        **arguments,
        "ProcessingJobName": job.name,
        "ProcessingJobStatus": "Completed",
    }


def train(job: Job) -> dict[str, Any]:
    """Run a training job: what it leaves in /opt/ml/model becomes model.tar.gz."""
    arguments, container = job.arguments, job.container
    for channel in arguments.get("InputDataConfig") or ():
        name = channel.get("ChannelName")
        source = channel.get("DataSource", {}).get("S3DataSource")
        if not source:
            raise InvalidPipeline(f"Channel {name!r} has no S3DataSource; it must have one.")
        _check_mode(f"Channel {name!r}", {**source, **channel}, "InputMode")
        folder = container.path(f"/opt/ml/input/data/{name}")
        folder.mkdir(parents=True, exist_ok=True)
        job.objects.fetch(source["S3Uri"], folder)
    model, config = container.path("/opt/ml/model"), container.path("/opt/ml/input/config")
    for folder in (model, config, container.path("/opt/ml/output")):
        folder.mkdir(parents=True, exist_ok=True)
    parameters = json.dumps(arguments.get("HyperParameters") or {})
    (config / "hyperparameters.json").write_text(parameters, "utf-8")
    command = _command(arguments.get("AlgorithmSpecification", {}))
    environment = {**job.environment, "TRAINING_JOB_NAME": job.name}
    container.run(command, environment, seconds=job.seconds)
    if not any(file.is_file() for file in model.rglob("*")):
        raise StepFailed("It left nothing in /opt/ml/model.")
    archive = container.folder / "model.tar.gz"
    pack(model, archive)
    place = arguments["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    artifacts = f"{place}/{job.name}/output/model.tar.gz"
    job.objects.store(archive, artifacts)
    job.outputs["model"] = model
    return {
        **arguments,
        "ModelArtifacts": {"S3ModelArtifacts": artifacts},
        "TrainingJobName": job.name,
        "TrainingJobStatus": "Completed",
    }


def create_model(job: Job) -> dict[str, Any]:
    """Create a model: nothing runs, but its artifacts must be there."""
    containers = [job.arguments.get("PrimaryContainer"), *job.arguments.get("Containers", ())]
    for container in filter(None, containers):
        if (data := container.get("ModelDataUrl")) and not job.objects.exists(data):
            raise NotFound(f"There is nothing at {data}, the model's artifacts.")
    return {**job.arguments, "ModelName": job.name}


KINDS: Final[Mapping[str, Callable[[Job], dict[str, Any]]]] = {
    "Processing": process,
    "Training": train,
    "Model": create_model,
}


def _command(what: Mapping[str, Any]) -> list[str]:
    parts = (what.get("ContainerEntrypoint") or (), what.get("ContainerArguments") or ())
    return [str(part) for some in parts for part in some]


def _check_mode(what: str, source: Mapping[str, Any], key: str) -> None:
    for name, usual in ((key, "File"), ("S3DataType", "S3Prefix")):
        if source.get(name, usual) != usual:
            raise InvalidPipeline(
                f"{what} has the {name} {source[name]!r}; the local runner knows {usual!r}."
            )
