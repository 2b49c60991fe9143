"""Our jobs as the SDK's steps.

A processing job is said through the SDK's ScriptProcessor. Training and model creation are said as
the requests they come to (CreateTrainingJob, CreateModel): the two generations have different
classes for them, and one request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from muniment.pipelines.configs import in_s3
from muniment.pipelines.contracts import TRAINING_CODE_FOLDER
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.jobs import JobInput, ModelToCreate, ProcessingJob, TrainingJob
from muniment.pipelines.sdk.names import (
    CacheConfig,
    ConfigurableRetryStep,
    ProcessingStep,
    Properties,
    StepTypeEnum,
    UnreportedProcessor,
    processing_input,
    processing_output,
    surroundings,
)
from muniment.pipelines.sdk.session import without_defaults

_NAME: Final = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,63}")
_CACHING: Final = {"enable_caching": True, "expire_after": "P30D"}
_LONGEST_HYPERPARAMETER: Final = 2500
_MOST_CHARACTERS: Final = 256  # of a processing job's variable, or argument: the service's limit


def check_step_name(name: str) -> str:
    """Return the name if the service takes it. Raises InvalidPipeline; the SDK would not."""
    if not _NAME.fullmatch(name):
        raise InvalidPipeline(
            f"The step name {name!r:.80} is refused by SageMaker; it must have 1 to 64 letters, "
            "digits and hyphens, and begin and end with a letter or digit."
        )
    return name


class ScriptStep(ProcessingStep):  # type: ignore[misc]  # the SDK has no types
    """A ProcessingStep that runs a script; its documents are uploaded when it is compiled."""

    def __init__(
        self,
        name: str,
        job: ProcessingJob,
        *,
        session: Any,
        depends_on: Sequence[Any] = (),
        caching: bool = False,
    ) -> None:
        self.job = job
        self._session = session
        self._uploaded = False
        # Not through ProcessingStep: it makes a session of its own, which takes it half a second.
        ConfigurableRetryStep.__init__(
            self, check_step_name(name), StepTypeEnum.PROCESSING, depends_on=list(depends_on)
        )
        with surroundings(session.boto_region_name), without_defaults(session):
            self.step_args = _run(job, session)
        self.property_files: list[Any] = []
        self.cache_config = CacheConfig(**_CACHING) if caching else None
        self._properties = Properties(
            step_name=name, step=self, shape_name="DescribeProcessingJobResponse"
        )

    @property
    def arguments(self) -> Any:
        """The CreateProcessingJob request."""
        if not self._uploaded:
            for document in self.job.documents:
                place = urlsplit(document.uri)
                self._session.upload_string_as_file_body(
                    document.body, place.netloc, place.path.lstrip("/")
                )
            self._uploaded = True
        return super().arguments


def _run(job: ProcessingJob, session: Any) -> Any:
    for name, value in job.environment.items():
        if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
            raise InvalidPipeline(
                f"The variable {name} has {len(value)} characters; SageMaker takes up to "
                f"{_MOST_CHARACTERS}. The value begins {value[:40]!r}."
            )
    for argument in job.arguments:
        if len(argument) > _MOST_CHARACTERS:
            raise InvalidPipeline(
                f"An argument has {len(argument)} characters; SageMaker takes up to "
                f"{_MOST_CHARACTERS}. It begins {argument[:40]!r}."
            )
    processor = UnreportedProcessor(
        role=job.role,
        image_uri=job.image,
        command=["python3"],
        instance_count=job.instance_count,
        instance_type=job.instance_type,
        volume_size_in_gb=job.volume_size,
        max_runtime_in_seconds=job.max_runtime,
        sagemaker_session=session,
        env=dict(job.environment) or None,
    )
    return processor.run(
        code=job.code,
        inputs=[processing_input(i.name, i.source, i.path) for i in job.inputs],
        outputs=[processing_output(o.name, o.destination, o.path) for o in job.outputs],
        arguments=list(job.arguments) or None,
    )


class RequestStep(ConfigurableRetryStep):  # type: ignore[misc]
    """A step that is the request it comes to. `shape` names the answer of its Describe call."""

    def __init__(
        self, name: str, kind: Any, shape: str, session: Any, depends_on: Sequence[Any]
    ) -> None:
        super().__init__(check_step_name(name), kind, depends_on=list(depends_on))
        self._session = session
        self._properties = Properties(step_name=name, step=self, shape_name=shape)

    @property
    def properties(self) -> Any:
        """What is known of the step when it has run."""
        return self._properties


class ScriptTrainingStep(RequestStep):
    """A training job that runs a script, which comes to it as the channel `code`."""

    def __init__(
        self,
        name: str,
        job: TrainingJob,
        *,
        session: Any,
        depends_on: Sequence[Any] = (),
        caching: bool = False,
    ) -> None:
        super().__init__(
            name, StepTypeEnum.TRAINING, "DescribeTrainingJobResponse", session, depends_on
        )
        for key, value in job.hyperparameters.items():
            if len(value) > _LONGEST_HYPERPARAMETER:
                raise InvalidPipeline(
                    f"The hyperparameter {key} has {len(value)} characters; SageMaker takes up to "
                    f"{_LONGEST_HYPERPARAMETER}."
                )
        self.job = job
        self._caching = caching
        self._code: str | None = None

    @property
    def arguments(self) -> Any:
        """The CreateTrainingJob request."""
        job = self.job
        if self._code is None:
            self._code = self._uploaded(job.code)
        script = PurePosixPath(TRAINING_CODE_FOLDER, PurePosixPath(self._code).name)
        code = JobInput("code", self._code.rpartition("/")[0], TRAINING_CODE_FOLDER)
        return {
            "AlgorithmSpecification": {
                "TrainingImage": job.image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", str(script)],
            },
            "HyperParameters": dict(job.hyperparameters),
            "InputDataConfig": [_channel(channel) for channel in (*job.inputs, code)],
            "OutputDataConfig": {"S3OutputPath": job.output},
            "ResourceConfig": {
                "InstanceType": job.instance_type,
                "InstanceCount": job.instance_count,
                "VolumeSizeInGB": job.volume_size,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime},
            "RoleArn": _role(job.role, self._session),
            **({"Environment": dict(job.environment)} if job.environment else {}),
        }

    def to_request(self) -> Any:
        """The step as the service takes it."""
        caching = CacheConfig(**_CACHING).config
        return {**super().to_request(), **(caching if self._caching else {})}

    def _uploaded(self, code: str) -> str:
        if in_s3(code):
            return code
        digest = sha256(Path(code).read_bytes()).hexdigest()
        uri: str = self._session.upload_data(
            code, self._session.default_bucket(), f"{self.name}/code/{digest}"
        )
        return uri


class ModelCreationStep(RequestStep):
    """The CreateModel call."""

    def __init__(
        self, name: str, model: ModelToCreate, *, session: Any, depends_on: Sequence[Any] = ()
    ) -> None:
        super().__init__(
            name, StepTypeEnum.CREATE_MODEL, "DescribeModelOutput", session, depends_on
        )
        self.model = model

    @property
    def arguments(self) -> Any:
        """The CreateModel request."""
        container: Mapping[str, Any] = {
            "Image": self.model.image,
            "ModelDataUrl": self.model.model_data,
            "Environment": dict(self.model.environment),
        }
        return {
            "ExecutionRoleArn": _role(self.model.role, self._session),
            "PrimaryContainer": container,
        }


def _channel(channel: JobInput) -> dict[str, Any]:
    return {
        "ChannelName": channel.name,
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": channel.source,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
        "InputMode": "File",
    }


def _role(role: Any, session: Any) -> Any:
    return session.expand_role(role) if isinstance(role, str) else role
