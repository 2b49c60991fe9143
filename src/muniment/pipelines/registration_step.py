"""The registration step class, which checks its inputs as if they were strings.

It does so when it is made, as step classes of model inventories are wont to: an input must start
with `s3`. So references come to it wrapped, in a `StringLikeWrapper`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.jobs import JobInput, ProcessingJob
from muniment.pipelines.references import unwrapped, validation_scope
from muniment.pipelines.sdk.steps import ScriptStep


class MimsModelRegistrationProcessingStep(ScriptStep):
    """A processing step that registers a model; all of its inputs are S3 URIs.

    Raises:
        InvalidPipeline: an input is a string, and no S3 URI.
        AttributeError: an input is a reference that is not wrapped.
    """

    def __init__(
        self, name: str, job: ProcessingJob, *, session: Any, depends_on: Sequence[Any] = ()
    ) -> None:
        with validation_scope():
            for given in job.inputs:
                _check_source(given)
        inputs = [replace(given, source=unwrapped(given.source)) for given in job.inputs]
        super().__init__(name, replace(job, inputs=inputs), session=session, depends_on=depends_on)


def _check_source(given: JobInput) -> None:
    try:
        in_s3 = given.source.startswith("s3://")
    except AttributeError as error:
        error.add_note(f"Input {given.name!r} is a reference; wrap it: StringLikeWrapper(…).")
        raise
    if not in_s3:
        raise InvalidPipeline(
            f"Input {given.name!r} of the registration step is {str(given.source)!r:.200}; "
            "it must be an S3 URI (s3://bucket/key)."
        )
