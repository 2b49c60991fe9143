"""The SDK's Pipeline, and the session that is meant where none is given."""

from __future__ import annotations

import logging
from typing import Any

import boto3

from muniment.pipelines.references import check_no_placeholder
from muniment.pipelines.sdk.names import Pipeline, PipelineSession, surroundings
from muniment.pipelines.sdk.session import OfflinePipelineSession, without_defaults

_logger = logging.getLogger(__name__)


class CheckedPipeline(Pipeline):  # type: ignore[misc]  # the SDK has no types
    """A Pipeline of the SDK; its definition is checked, and steps can be added to it."""

    steps: list[Any]

    def add_step(self, step: Any) -> None:
        """Add a step, or each of a list of steps."""
        self.steps = [*self.steps, *(step if isinstance(step, list) else [step])]

    def definition(self) -> str:
        """Return the definition, as JSON.

        Raises:
            InvalidPipeline: the text of a wrapped reference ended up in it.
        """
        session = self.sagemaker_session
        with surroundings(session.boto_region_name), without_defaults(session):
            return check_no_placeholder(super().definition())


def default_session(region: str, bucket: str) -> Any:
    """Return a session for whoever gives none: AWS if it can be signed in there, else offline."""
    signed_in = boto3.Session(region_name=region)
    if signed_in.get_credentials() is None:
        _logger.warning("No AWS credentials: compiling offline, nothing is uploaded.")
        return OfflinePipelineSession(region, **({"bucket": bucket} if bucket else {}))
    return PipelineSession(boto_session=signed_in, default_bucket=bucket or None)
