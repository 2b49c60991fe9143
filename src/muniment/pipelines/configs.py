"""Configurations: what a step is told by people, checked when it is written down.

    StepConfig                every step: whose pipeline, where, which framework
    └── ProcessingStepConfig  steps that run a script in a processing job

A broken rule is an `InvalidPipeline` (a ValueError, too) that names the field, the value and the
rule. Fields about the pipeline as a whole are read from the environment where they are not given:

    MUNIMENT_PIPELINE_AUTHOR, _BUCKET, _ROLE, _REGION (else AWS_REGION, AWS_DEFAULT_REGION),
    _SERVICE, _VERSION, _IMAGE
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from muniment.pipelines.errors import InvalidPipeline

REGIONS: Final = {"NA": "us-east-1", "EU": "eu-west-1", "FE": "us-west-2"}
FRAMEWORK_VERSIONS: Final = {
    "xgboost": ("3.0-5", "py3"),
    "sklearn": ("1.4-2-py312", "py3"),
    "pytorch": ("2.5", "py311"),
    "tensorflow": ("2.18", "py310"),
}
"""Versions of SageMaker's own images, and of Python as these call it."""

_AWS_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _from_environment(*names: str, default: str = "") -> Any:
    """A field that is read from the first of these variables that is set."""
    return Field(
        default_factory=lambda: next(filter(None, map(os.environ.get, names)), default),
    )


class StepConfig(BaseModel):
    """What every step knows. Values never change; `model_copy` makes another.

    `region` is NA, EU, FE or the name of an AWS region; `source_dir` a folder or an S3 URI. Without
    a `framework_version` and `py_version`, those in `FRAMEWORK_VERSIONS` are meant.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
        validate_default=True,
        hide_input_in_errors=True,
    )

    author: str = _from_environment("MUNIMENT_PIPELINE_AUTHOR", default="team")
    bucket: str = _from_environment("MUNIMENT_PIPELINE_BUCKET")
    role: str = _from_environment("MUNIMENT_PIPELINE_ROLE", default="SageMakerExecutionRole")
    region: str = _from_environment(
        "MUNIMENT_PIPELINE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION", default="NA"
    )
    service_name: str = _from_environment("MUNIMENT_PIPELINE_SERVICE", default="models")
    pipeline_version: str = _from_environment("MUNIMENT_PIPELINE_VERSION", default="1.0.0")
    model_class: str = "xgboost"
    current_date: str = Field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    framework_version: str = ""
    py_version: str = ""
    source_dir: str | None = None
    enable_caching: bool = False
    max_runtime_seconds: int = Field(default=172_800, ge=60, le=432_000)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            said = [_sentence(type(self).__name__, one) for one in error.errors()]
            raise InvalidPipeline(" ".join(said)) from None

    @field_validator("region")
    @classmethod
    def _region_is_known(cls, value: str) -> str:
        return check_region(value)

    @field_validator("bucket")
    @classmethod
    def _bucket_is_a_name(cls, value: str) -> str:
        if value and not _BUCKET.fullmatch(value):
            raise ValueError("must be the name of an S3 bucket, without s3://")
        return value

    @property
    def aws_region(self) -> str:
        """The AWS name of the region."""
        return REGIONS.get(self.region, self.region)

    @property
    def pipeline_name(self) -> str:
        """What the pipeline is called if nobody says otherwise."""
        parts = (self.author, self.service_name, self.model_class, self.region)
        return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-")

    @property
    def pipeline_description(self) -> str:
        """One line for people."""
        return f"{self.service_name}: {self.model_class} model, {self.region}"

    @property
    def pipeline_s3_loc(self) -> str:
        """Where the pipeline keeps its files. Raises InvalidPipeline if no bucket is known."""
        if not self.bucket:
            raise InvalidPipeline(
                "bucket is empty; pipeline_s3_loc needs one.",
                hint="Give `bucket`, or set MUNIMENT_PIPELINE_BUCKET.",
            )
        return f"s3://{self.bucket}/{self.pipeline_name}/{self.pipeline_version}"


class ProcessingStepConfig(StepConfig):
    """What a step knows that runs a script in a processing job.

    The script is `processing_entry_point` in `processing_source_dir` (a folder or an S3 URI), or
    the one that comes along. It runs in `processing_image_uri`, or else in SageMaker's own
    scikit-learn image of `processing_framework_version`.
    """

    processing_instance_count: int = Field(default=1, ge=1, le=100)
    processing_volume_size: int = Field(default=500, ge=1, le=16_384)  # GB
    processing_instance_type_small: str = "ml.m5.2xlarge"
    processing_instance_type_large: str = "ml.m5.4xlarge"
    use_large_processing_instance: bool = False
    processing_source_dir: str | None = None
    processing_entry_point: str | None = None
    processing_script_arguments: tuple[str, ...] = ()
    processing_framework_version: str = "1.4-2-py312"
    processing_image_uri: str = _from_environment("MUNIMENT_PIPELINE_IMAGE")

    @field_validator("processing_instance_type_small", "processing_instance_type_large")
    @classmethod
    def _processing_instance_types_are_some(cls, value: str) -> str:
        return instance_type(value)

    @field_validator("processing_entry_point")
    @classmethod
    def _entry_point_is_python(cls, value: str | None) -> str | None:
        if value and not value.endswith(".py"):
            raise ValueError("must be a Python file (.py)")
        return value

    @property
    def processing_instance_type(self) -> str:
        """The instance type that is meant."""
        if self.use_large_processing_instance:
            return self.processing_instance_type_large
        return self.processing_instance_type_small


def instance_type(value: str) -> str:
    """Return the value if it can be an instance type; else raise ValueError."""
    if not value.startswith("ml."):
        raise ValueError("must start with 'ml.'")
    return value


def in_s3(place: str) -> bool:
    """Whether a place is an S3 URI, rather than a path."""
    return place.startswith("s3://")


def check_region(value: str) -> str:
    """Return the value if it can name a region; else raise ValueError."""
    if value not in REGIONS and not _AWS_REGION.fullmatch(value):
        raise ValueError("must be NA, EU, FE or the name of an AWS region such as us-east-1")
    return value


def check_entry_point(source_dir: str | None, name: str) -> None:
    """Raise ValueError if a local folder of inference scripts lacks the one to start with."""
    if source_dir is None or in_s3(source_dir) or Path(source_dir, name).is_file():
        return
    raise ValueError(
        f"inference_entry_point is {name!r}, and source_dir {source_dir!r}; "
        "the entry point must be a file in that folder."
    )


def _sentence(config: str, error: ErrorDetails) -> str:
    field = "".join(f"[{p!r}]" if n else str(p) for n, p in enumerate(error["loc"]))
    value = error.get("input")
    match error["type"]:
        case "missing":
            return f"{field} of {config} is missing; it must be given."
        case "extra_forbidden":
            return f"{config} has no {field}; the value was {value!r:.80}."
        case "value_error" if not field:  # a rule over several fields, a sentence of its own
            return str(error["ctx"]["error"])
        case "value_error":
            return f"{field} of {config} is {value!r:.200}; it {error['ctx']['error']}."
        case _:
            rule = error["msg"].replace("Input should", "it must", 1)
            return f"{field} of {config} is {value!r:.200}; {rule}."
