"""Data loading: reads one data set, from a path, over HTTP or out of S3, into the pipeline.

The script gets `--source` (a path, an http(s) URL, or an S3 URI) and writes

    output/data        the file, under its own name, byte for byte
    output/metadata    metadata.json: {"source", "file", "size", "digest": "sha256:…"}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from pydantic import field_validator

from muniment.pipelines.builders import SCRIPTS, ProcessingStepBuilder
from muniment.pipelines.configs import ProcessingStepConfig
from muniment.pipelines.contracts import ScriptContract
from muniment.pipelines.specifications import (
    DependencyType,
    NodeType,
    OutputSpec,
    StepSpecification,
)

DATA_LOADING_CONTRACT: Final = ScriptContract(
    entry_point="data_loading.py",
    expected_output_paths={
        "DATA": "/opt/ml/processing/output/data",
        "METADATA": "/opt/ml/processing/output/metadata",
    },
    expected_arguments={"source": "where the data set is: a path, an http(s) URL, or an S3 URI"},
    framework_requirements={"boto3": ">=1.28"},
    description="Reads a data set into the pipeline, and notes its digest.",
)

DATA_LOADING_SPEC: Final = StepSpecification(
    step_type="CradleDataLoading",
    node_type=NodeType.SOURCE,
    outputs=[
        OutputSpec(
            "DATA",
            DependencyType.TRAINING_DATA,
            'properties.ProcessingOutputConfig.Outputs["DATA"].S3Output.S3Uri',
            aliases=("data_output", "raw_data"),
            description="The data set as it came.",
        ),
        OutputSpec(
            "METADATA",
            DependencyType.PROCESSING_OUTPUT,
            'properties.ProcessingOutputConfig.Outputs["METADATA"].S3Output.S3Uri',
            aliases=("data_metadata",),
            description="Where it came from, its size and its digest.",
        ),
    ],
    script_contract=DATA_LOADING_CONTRACT,
)


class CradleDataLoadingConfig(ProcessingStepConfig):
    """What to load: `data_source` is a path, an http(s) URL or an S3 URI."""

    data_source: str

    @field_validator("data_source")
    @classmethod
    def _source_can_be_read(cls, value: str) -> str:
        place = urlsplit(value)
        if place.scheme not in ("", "file", "http", "https", "s3") or not place.path.strip("/"):
            raise ValueError("must be a path, an http(s) URL or an S3 URI, and name a file")
        return value


class CradleDataLoadingStepBuilder(ProcessingStepBuilder[CradleDataLoadingConfig]):
    """Builds the step that loads a data set."""

    config_class = CradleDataLoadingConfig
    spec = DATA_LOADING_SPEC
    script = SCRIPTS / DATA_LOADING_CONTRACT.entry_point

    def arguments(self) -> Sequence[str]:
        """Where the data set is."""
        return ("--source", self.config.data_source)
