"""Where things are: version 3 puts them elsewhere than version 2.

Version 3 fails without a region when it is imported, and wherever it makes sessions of its own; so
one is lent to it for as long as that takes.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from muniment.errors import ConfigurationError


@contextmanager
def surroundings(region: str = "us-east-1") -> Iterator[None]:
    """Variables that the SDK wants, for a while; what it warns of is its own affair."""
    wanted = {
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    }
    lent = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(lent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in lent:
            del os.environ[name]


def _generation() -> int:
    try:
        installed = version("sagemaker")
    except PackageNotFoundError:
        raise ConfigurationError(
            "Pipelines are compiled by the SageMaker SDK, which is not installed.",
            hint="pip install 'muniment[sagemaker]', or 'muniment[sagemaker-v2]'.",
        ) from None
    generation = int(installed.partition(".")[0])
    if generation not in (2, 3):
        raise ConfigurationError(
            f"sagemaker {installed} is installed; Muniment knows versions 2 and 3.",
            hint="pip install 'muniment[sagemaker]'.",
        )
    return generation


GENERATION: Final = _generation()

with surroundings():
    if GENERATION == 3:
        from sagemaker.core import image_uris
        from sagemaker.core.helper.pipeline_variable import PipelineVariable
        from sagemaker.core.processing import ScriptProcessor
        from sagemaker.core.shapes import (
            ProcessingInput,
            ProcessingOutput,
            ProcessingS3Input,
            ProcessingS3Output,
        )
        from sagemaker.core.workflow.execution_variables import ExecutionVariables
        from sagemaker.core.workflow.functions import Join
        from sagemaker.core.workflow.parameters import ParameterString
        from sagemaker.core.workflow.pipeline_context import PipelineSession
        from sagemaker.core.workflow.properties import Properties
        from sagemaker.mlops.workflow.pipeline import Pipeline
        from sagemaker.mlops.workflow.steps import (
            CacheConfig,
            ConfigurableRetryStep,
            ProcessingStep,
            StepTypeEnum,
        )

        def processing_input(name: str, source: Any, path: str) -> Any:
            """One input of a processing job, replicated to every instance, as files."""
            return ProcessingInput(
                input_name=name,
                s3_input=ProcessingS3Input(
                    s3_uri=source,
                    local_path=path,
                    s3_data_type="S3Prefix",
                    s3_input_mode="File",
                    s3_data_distribution_type="FullyReplicated",
                    s3_compression_type="None",
                ),
            )

        def processing_output(name: str, destination: Any, path: str) -> Any:
            """One output of a processing job, uploaded when it ends."""
            return ProcessingOutput(
                output_name=name,
                s3_output=ProcessingS3Output(
                    s3_uri=destination, local_path=path, s3_upload_mode="EndOfJob"
                ),
            )

    else:
        from sagemaker import image_uris
        from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
        from sagemaker.workflow.entities import PipelineVariable
        from sagemaker.workflow.execution_variables import ExecutionVariables
        from sagemaker.workflow.functions import Join
        from sagemaker.workflow.parameters import ParameterString
        from sagemaker.workflow.pipeline import Pipeline
        from sagemaker.workflow.pipeline_context import PipelineSession
        from sagemaker.workflow.properties import Properties
        from sagemaker.workflow.steps import (
            CacheConfig,
            ConfigurableRetryStep,
            ProcessingStep,
            StepTypeEnum,
        )

        def processing_input(name: str, source: Any, path: str) -> Any:
            """One input of a processing job, replicated to every instance, as files."""
            return ProcessingInput(
                input_name=name,
                source=source,
                destination=path,
                s3_data_type="S3Prefix",
                s3_input_mode="File",
                s3_data_distribution_type="FullyReplicated",
                s3_compression_type="None",
            )

        def processing_output(name: str, destination: Any, path: str) -> Any:
            """One output of a processing job, uploaded when it ends."""
            return ProcessingOutput(
                output_name=name,
                source=path,
                destination=destination,
                s3_upload_mode="EndOfJob",
            )


class UnreportedProcessor(ScriptProcessor):  # type: ignore[misc]  # the SDK has no types
    """A ScriptProcessor that doesn't report to AWS that it was told to run a script."""

    if GENERATION == 3:
        run = getattr(ScriptProcessor.run, "__wrapped__", ScriptProcessor.run)


__all__ = [
    "GENERATION",
    "CacheConfig",
    "ConfigurableRetryStep",
    "ExecutionVariables",
    "Join",
    "ParameterString",
    "Pipeline",
    "PipelineSession",
    "PipelineVariable",
    "ProcessingStep",
    "Properties",
    "StepTypeEnum",
    "UnreportedProcessor",
    "image_uris",
    "processing_input",
    "processing_output",
    "surroundings",
]
