"""Step builders: a configuration and what comes before become a step of the SageMaker SDK.

    StepBuilder               what all builders know
    └── ProcessingStepBuilder a script in a processing job, between inputs and outputs

A builder of a processing step says which configuration, specification and script it is for, and
what of the configuration the script gets as environment, arguments or JSON:

    class ScoringStepBuilder(ProcessingStepBuilder[ScoringConfig]):
        config_class = ScoringConfig
        spec = SCORING_SPEC
        script = Path(__file__)

        def environment(self):
            return {"BATCH_SIZE": str(self.config.batch_size)}
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, TypeVar

from muniment.domain.values import JsonObject
from muniment.pipelines.alignment import check_alignment
from muniment.pipelines.configs import ProcessingStepConfig, StepConfig, in_s3
from muniment.pipelines.contracts import CONFIG_FILE, ScriptContract
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.jobs import Document, JobInput, JobOutput, ProcessingJob, Text
from muniment.pipelines.specifications import OutputSpec, StepSpecification

Config = TypeVar("Config", bound=StepConfig)
ProcessingConfig = TypeVar("ProcessingConfig", bound=ProcessingStepConfig)

SCRIPTS: Final = Path(__file__).parent / "scripts"
_PATH_PART: Final = re.compile(r"""\.?([A-Za-z_]\w*)|\[(?:"([^"\]]+)"|'([^'\]]+)'|(\d+))\]""")


class StepBuilder(ABC, Generic[Config]):
    """Builds one step.

    Args:
        config: of the builder's `config_class`.
        sagemaker_session: a PipelineSession; else one for AWS, or an offline one where there are
            no credentials.
        role: the role's ARN or name, else the configuration's.
        name: the step's name, else the specification's step type.
        base: where outputs go, an S3 URI or parts to be joined by slashes; else a folder per
            execution in `pipeline_s3_loc`.
    """

    config_class: ClassVar[type[StepConfig]]
    spec: ClassVar[StepSpecification]

    def __init__(
        self,
        config: Config,
        *,
        sagemaker_session: Any = None,
        role: Text = "",
        name: str = "",
        base: Sequence[Text] = (),
    ) -> None:
        if not isinstance(config, self.config_class):
            raise InvalidPipeline(
                f"{type(self).__name__} got a {type(config).__name__}; "
                f"its configuration is a {self.config_class.__name__}."
            )
        check_alignment(self.spec)
        self.config: Config = config
        self.role: Text = role or config.role
        self.name = name or self.spec.step_type
        self._session = sagemaker_session
        self._base = (base,) if isinstance(base, str) else tuple(base)

    @abstractmethod
    def create_step(
        self, inputs: Mapping[str, Text] | None = None, *, dependencies: Sequence[Any] = ()
    ) -> Any:
        """Return the step; `inputs` are by logical name, `dependencies` steps to run before it.

        Raises:
            InvalidPipeline: a required input is missing, or there is no such input.
        """

    def configured_inputs(self) -> Mapping[str, Text]:
        """Inputs that the configuration names; they come before those that are found."""
        return {}

    @cached_property
    def session(self) -> Any:
        """The session that the step is compiled with."""
        from muniment.pipelines.sdk.pipeline import default_session

        if self._session is None:
            return default_session(self.config.aws_region, self.config.bucket)
        return self._session

    @cached_property
    def base(self) -> tuple[Text, ...]:
        """Where outputs go: parts of an S3 URI, to be joined by slashes."""
        from muniment.pipelines.sdk.names import ExecutionVariables

        if self._base:
            return self._base
        bucket = self.config.bucket or self.session.default_bucket()
        place = self.config.model_copy(update={"bucket": bucket}).pipeline_s3_loc
        return (place, ExecutionVariables.PIPELINE_EXECUTION_ID)

    def destination(self, logical_name: str, *more: str) -> Text:
        """Return where an output goes: base, step type, its name, joined by slashes."""
        return joined((*self.base, self.spec.step_type, logical_name, *more))

    def all_inputs(self, inputs: Mapping[str, Text] | None) -> dict[str, Text]:
        """Return the inputs in the specification's order, the configured ones among them."""
        given = {**self.configured_inputs(), **{k: v for k, v in (inputs or {}).items() if v}}
        if unknown := sorted(given.keys() - self.spec.dependencies.keys()):
            raise InvalidPipeline(
                f"{self.spec.step_type} has no input {unknown[0]!r}; "
                f"its inputs are {', '.join(self.spec.dependencies) or 'none'}."
            )
        for name, dependency in self.spec.dependencies.items():
            if dependency.required and name not in given:
                raise InvalidPipeline(
                    f"Input {name!r} of {self.spec.step_type} is missing; it is required."
                )
        return {name: given[name] for name in self.spec.dependencies if name in given}


class ProcessingStepBuilder(StepBuilder[ProcessingConfig]):
    """Builds a step that runs a script in a processing job.

    `script` is the file of the script; a configuration may name another one.
    """

    script: ClassVar[Path]

    def environment(self) -> Mapping[str, Text]:
        """What the script finds in its environment. Values have up to 256 characters."""
        return {}

    def arguments(self) -> Sequence[str]:
        """What the script is called with."""
        return ()

    def document(self) -> JsonObject | None:
        """What the script finds as `config.json`, for contracts with a `config` path."""
        return None

    def create_step(
        self, inputs: Mapping[str, Text] | None = None, *, dependencies: Sequence[Any] = ()
    ) -> Any:
        """Return a ProcessingStep; see `StepBuilder.create_step`."""
        from muniment.pipelines.sdk.steps import ScriptStep

        return ScriptStep(
            self.name,
            self.job(self.all_inputs(inputs), self.environment()),
            session=self.session,
            depends_on=dependencies,
            caching=self.config.enable_caching,
        )

    @property
    def contract(self) -> ScriptContract:
        """The script's contract. Raises InvalidPipeline if the specification has none."""
        if self.spec.script_contract is None:
            raise InvalidPipeline(f"{self.spec.step_type} has no script contract; it needs one.")
        return self.spec.script_contract

    def job(self, inputs: Mapping[str, Text], environment: Mapping[str, Text]) -> ProcessingJob:
        """Return what is to be run. Raises InvalidPipeline if it does not keep the contract."""
        contract, config = self.contract, self.config
        if missing := contract.missing_variables(environment):
            raise InvalidPipeline(
                f"{self.spec.step_type} does not set {', '.join(missing)}; "
                f"{contract.entry_point} requires it."
            )
        documents = self._documents()
        return ProcessingJob(
            image=self._image(),
            code=self._code(),
            role=self.role,
            instance_type=config.processing_instance_type,
            instance_count=config.processing_instance_count,
            volume_size=config.processing_volume_size,
            max_runtime=config.max_runtime_seconds,
            inputs=[
                *(
                    JobInput(name, source, contract.expected_input_paths[name])
                    for name, source in inputs.items()
                ),
                *(
                    JobInput("config", document.uri, contract.configured_input_paths["config"])
                    for document in documents
                ),
            ],
            outputs=[
                JobOutput(name, self.destination(name), path)
                for name, path in contract.expected_output_paths.items()
            ],
            arguments=[*self.arguments(), *config.processing_script_arguments],
            environment=environment,
            documents=documents,
        )

    def _documents(self) -> list[Document]:
        document = self.document()
        if document is None:
            return []
        body = json.dumps(document, indent=2, sort_keys=True)
        digest = sha256(body.encode()).hexdigest()
        bucket = self.config.bucket or self.session.default_bucket()
        place = f"s3://{bucket}/{self.config.pipeline_name}/config/{digest}"
        return [Document(f"{place}/{CONFIG_FILE}", body)]

    def _image(self) -> str:
        from muniment.pipelines.sdk.images import image_uri

        return self.config.processing_image_uri or image_uri(
            "sklearn",
            region=self.config.aws_region,
            version=self.config.processing_framework_version,
            instance_type=self.config.processing_instance_type,
            scope="training",
        )

    def _code(self) -> str:
        folder, name = self.config.processing_source_dir, self.config.processing_entry_point
        if folder is None:
            return name or str(self.script)
        name = name or self.contract.entry_point
        return f"{folder.rstrip('/')}/{name}" if in_s3(folder) else str(Path(folder, name))


def joined(parts: Sequence[Text]) -> Text:
    """Return parts of a path joined by slashes: a string if all of them are, else a reference."""
    from muniment.pipelines.sdk.names import Join

    if all(isinstance(part, str) for part in parts):
        return "/".join(parts)
    return Join(on="/", values=list(parts))


def property_of(step: Any, output: OutputSpec) -> Any:
    """Return the reference that an output's property path leads to.

    Raises:
        InvalidPipeline: the path can't be read, or leads nowhere on this step.
    """
    path = output.property_path
    found = step
    position = 0
    while position < len(path):
        part = _PATH_PART.match(path, position)
        if part is None:
            raise InvalidPipeline(
                f"property_path {path!r} of {output.logical_name!r} can't be read from "
                f"{path[position:]!r} on; write it like properties.A.B['c'].D."
            )
        attribute, double, single, index = part.groups()
        try:
            if attribute:
                found = getattr(found, attribute)
            else:
                found = found[double or single or int(index)]
        except (AttributeError, TypeError, KeyError):
            raise InvalidPipeline(
                f"property_path {path!r} of {output.logical_name!r} leads nowhere: step "
                f"{step.name!r} has no {path[: part.end()]!r}."
            ) from None
        position = part.end()
    return found
