"""What became of an execution: of each step, and of all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from muniment.domain.values import JsonObject
from muniment.errors import MunimentError


class StepStatus(StrEnum):
    """Where a step stands."""

    EXECUTING = "Executing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"


class PipelineFailed(MunimentError):
    """A step of a pipeline failed; `log_tail` is the end of what it said."""

    code, status = "pipeline_failed", 500
    log_tail = ""

    def __str__(self) -> str:
        return "\n".join(filter(None, (super().__str__(), self.log_tail)))


@dataclass(frozen=True)
class StepRun:
    """One step of an execution.

    `outputs` are the folders that a processing step has filled, by name; `properties` what others
    may refer to; `reason` why it failed or was skipped; `log_tail` the end of its log.
    """

    name: str
    status: StepStatus
    seconds: float = 0.0
    reason: str = ""
    log: Path | None = None
    log_tail: str = ""
    outputs: Mapping[str, Path] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return the form for programs."""
        return {
            "name": self.name,
            "status": self.status.value,
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "log": None if self.log is None else str(self.log),
            "log_tail": self.log_tail,
            "outputs": {name: str(folder) for name, folder in self.outputs.items()},
        }


@dataclass(frozen=True)
class PipelineRun:
    """One execution; `run["train"]` is what became of a step."""

    pipeline: str
    execution_id: str
    folder: Path
    steps: tuple[StepRun, ...]

    def __getitem__(self, name: str) -> StepRun:
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    @property
    def succeeded(self) -> bool:
        """Whether all steps did."""
        return all(step.status is StepStatus.SUCCEEDED for step in self.steps)

    def check(self) -> None:
        """Raise PipelineFailed, with the end of the log, if a step has failed."""
        failed = [step for step in self.steps if step.status is StepStatus.FAILED]
        if not failed:
            return
        first = failed[0]
        error = PipelineFailed(
            f"Step {first.name!r} failed: {first.reason}",
            hint="" if first.log is None else f"All that it said is in {first.log}.",
            details={"steps": [step.name for step in failed]},
        )
        error.log_tail = first.log_tail
        raise error

    def to_json(self) -> JsonObject:
        """Return the form for programs."""
        return {
            "pipeline": self.pipeline,
            "execution_id": self.execution_id,
            "succeeded": self.succeeded,
            "folder": str(self.folder),
            "steps": [step.to_json() for step in self.steps],
        }

    def save(self) -> None:
        """Write execution.json."""
        text = json.dumps(self.to_json(), indent=2)
        (self.folder / "execution.json").write_text(text + "\n", "utf-8")
