"""What a step runs, in our words; `pipelines.sdk` says it in those of the SageMaker SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Reference: TypeAlias = Any
"""A pipeline variable of either SDK: its value is known when the pipeline runs."""

Text: TypeAlias = "str | Reference"


@dataclass(frozen=True)
class JobInput:
    """One input: `source`, an S3 URI, a path or a reference, appears in the folder `path`."""

    name: str
    source: Text
    path: str


@dataclass(frozen=True)
class JobOutput:
    """One output: the folder `path` goes to `destination`, an S3 URI or a reference."""

    name: str
    destination: Text
    path: str


@dataclass(frozen=True)
class Document:
    """A small text that is put to an S3 URI when the pipeline is compiled."""

    uri: str
    body: str


@dataclass(frozen=True)
class ProcessingJob:
    """A script in a container, between inputs and outputs. `code` is a path or an S3 URI."""

    image: str
    code: str
    role: Text
    instance_type: str
    instance_count: int
    volume_size: int  # GB
    max_runtime: int  # seconds
    inputs: Sequence[JobInput] = ()
    outputs: Sequence[JobOutput] = ()
    arguments: Sequence[str] = ()
    environment: Mapping[str, Text] = field(default_factory=dict)
    documents: Sequence[Document] = ()


@dataclass(frozen=True)
class TrainingJob:
    """A script in a container that leaves a model. `code` is a path or an S3 URI."""

    image: str
    code: str
    role: Text
    instance_type: str
    instance_count: int
    volume_size: int  # GB
    max_runtime: int  # seconds
    output: Text
    inputs: Sequence[JobInput] = ()
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelToCreate:
    """What SageMaker's CreateModel is called with."""

    image: str
    model_data: Text
    role: Text
    environment: Mapping[str, Text] = field(default_factory=dict)
