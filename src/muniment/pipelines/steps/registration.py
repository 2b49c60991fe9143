"""Registration: the packaged model becomes a version in Muniment, and a package in SageMaker.

The script reads

    input/model                 one file: the package
    mims_payload                payload.tar.gz, and load_test.json if there is one; may be absent
    config/config/config.json   what is registered, see `ModelRegistrationConfig.document`: all
                                fields of the configuration's own table, and variable_schema,
                                model_name, model_package_group, inference_images {region: URI},
                                commit, pipeline_region, deployments {environment: name}
    input/metadata              performance metadata (one JSON object of metrics); may be absent

and writes output/registered_model.json. PIPELINE_EXECUTION_ID makes a retry find what is there.
Outside of the container the package is PACKAGED_MODEL_S3_URI (a file or a folder), the payload
PAYLOAD_S3_URI (likewise), PAYLOAD_S3_KEY its key in the bucket: model packages name them.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import Field, field_validator, model_validator

from muniment.client import git
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.values import JsonObject
from muniment.pipelines.builders import SCRIPTS, ProcessingStepBuilder
from muniment.pipelines.configs import (
    FRAMEWORK_VERSIONS,
    REGIONS,
    ProcessingStepConfig,
    check_entry_point,
    check_region,
    in_s3,
    instance_type,
)
from muniment.pipelines.contracts import CONFIG_FOLDER, PAYLOAD_FOLDER, ScriptContract
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.jobs import JobInput, Text
from muniment.pipelines.specifications import (
    DependencySpec,
    DependencyType,
    NodeType,
    OutputSpec,
    StepSpecification,
)

REGISTRATION_CONTRACT: Final = ScriptContract(
    entry_point="registration.py",
    expected_input_paths={
        "PackagedModel": "/opt/ml/processing/input/model",
        "GeneratedPayloadSamples": PAYLOAD_FOLDER,
    },
    expected_output_paths={"registered_model": "/opt/ml/processing/output"},
    configured_input_paths={
        "config": CONFIG_FOLDER,
        "metadata": "/opt/ml/processing/input/metadata",
    },
    required_env_vars=(
        "MUNIMENT_REGISTRY",
        "REGIONS",  # with commas between
        "PIPELINE_NAME",
        "PIPELINE_EXECUTION_ID",
        "PACKAGED_MODEL_S3_URI",
    ),
    optional_env_vars={
        "PAYLOAD_S3_URI": "",
        "PAYLOAD_S3_KEY": "",
        "PIPELINE_VERSION": "",
        "MUNIMENT_WORKSPACE": "default",
        "MUNIMENT_TOKEN_SECRET": "",  # id of the secret in AWS Secrets Manager that is the token
        "MUNIMENT_TOKEN": "",  # never in a definition: from the runner's own environment
    },
    framework_requirements={"muniment": ">=0.1", "boto3": ">=1.28"},
    description="Registers a version in Muniment, and a model package in each of REGIONS.",
)

REGISTRATION_SPEC: Final = StepSpecification(
    step_type="ModelRegistration",
    node_type=NodeType.INTERNAL,
    dependencies=[
        DependencySpec(
            "PackagedModel",
            DependencyType.MODEL_ARTIFACTS,
            compatible_sources=("MIMSPackaging", "Packaging", "Package"),
            semantic_keywords=("packaged",),
            description="The packaged model.",
        ),
        DependencySpec(
            "GeneratedPayloadSamples",
            DependencyType.PAYLOAD_SAMPLES,
            required=False,
            compatible_sources=("MIMSPayload", "Payload"),
            semantic_keywords=("payload", "samples", "generated"),
            description="Example requests.",
        ),
    ],
    outputs=[
        OutputSpec(
            "registered_model",
            DependencyType.CUSTOM_PROPERTY,
            'properties.ProcessingOutputConfig.Outputs["registered_model"].S3Output.S3Uri',
            aliases=("registration",),
            description="The folder with registered_model.json.",
        )
    ],
    script_contract=REGISTRATION_CONTRACT,
)


CONTENT_TYPES: Final = (["text/csv"], ["application/json"])

_logger = logging.getLogger(__name__)


class ModelRegistrationConfig(ProcessingStepConfig):
    """What is registered, and as what.

    In Muniment the model is called `model_name`, in SageMaker's registry `model_package_group`;
    without these, domain and objective name it. It is registered with Muniment at
    `muniment_registry`, and with SageMaker in all of `regions` (else in the pipeline's own).
    `deployments` say where it is to run: the name of an endpoint or job by its environment.
    """

    framework: str = "xgboost"
    inference_instance_type: str = "ml.m5.large"
    inference_entry_point: str = "inference.py"
    model_owner: str = "team id"
    model_registration_domain: str = "BuyerSellerMessaging"
    model_registration_objective: str
    source_model_inference_content_types: list[str] = Field(default=["text/csv"])
    source_model_inference_response_types: list[str] = Field(default=["application/json"])
    source_model_inference_output_variable_list: dict[str, VariableType] = Field(
        default_factory=lambda: {"legacy-score": VariableType.NUMERIC}
    )
    source_model_inference_input_variable_list: dict[str, VariableType] = Field(
        default_factory=dict
    )

    model_name: str = ""
    model_package_group: str = ""
    inference_image_uri: str = ""
    muniment_registry: str = Field(
        default_factory=lambda: os.environ.get("MUNIMENT_REGISTRY", "http://127.0.0.1:8000")
    )
    muniment_workspace: str = "default"
    muniment_token_secret: str = ""
    performance_metadata: str | None = None
    deployments: dict[str, str] = Field(default_factory=dict)
    regions: tuple[str, ...] = ()

    @field_validator("model_registration_objective")
    @classmethod
    def _objective_is_given(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must be given")
        return value

    @field_validator("inference_instance_type")
    @classmethod
    def _instance_type_is_one(cls, value: str) -> str:
        return instance_type(value)

    @field_validator("framework")
    @classmethod
    def _framework_is_known(cls, value: str) -> str:
        if value not in FRAMEWORK_VERSIONS:
            raise ValueError(f"must be one of {', '.join(FRAMEWORK_VERSIONS)}")
        return value

    @field_validator(
        "source_model_inference_content_types", "source_model_inference_response_types"
    )
    @classmethod
    def _types_are_one(cls, value: list[str]) -> list[str]:
        if value not in CONTENT_TYPES:
            raise ValueError('must be exactly ["text/csv"] or exactly ["application/json"]')
        return value

    @field_validator("source_model_inference_output_variable_list")
    @classmethod
    def _there_is_an_output(cls, value: dict[str, VariableType]) -> dict[str, VariableType]:
        if not value:
            raise ValueError("must have at least one variable")
        return value

    @field_validator("performance_metadata")
    @classmethod
    def _metadata_is_in_s3(cls, value: str | None) -> str | None:
        if value is not None and not in_s3(value):
            raise ValueError("must be an S3 URI (s3://bucket/key)")
        return value

    @field_validator("model_package_group")
    @classmethod
    def _group_is_a_name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}", value):
            raise ValueError("must have 1 to 63 letters, digits and hyphens")
        return value

    @field_validator("regions")
    @classmethod
    def _regions_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(REGIONS.get(check_region(name), name) for name in value))

    @model_validator(mode="after")
    def _entry_point_exists(self) -> ModelRegistrationConfig:
        check_entry_point(self.source_dir, self.inference_entry_point)
        return self

    @property
    def all_regions(self) -> tuple[str, ...]:
        """The AWS names of the regions to register in."""
        return self.regions or (self.aws_region,)

    @property
    def variable_schema(self) -> JsonObject:
        """The variable schema: `{"input": {"variables": […]}, "output": {"variables": […]}}`."""
        return Signature(
            _variables(self.source_model_inference_input_variable_list),
            _variables(self.source_model_inference_output_variable_list),
        ).to_json()

    def document(self) -> JsonObject:
        """What the script is told to register."""
        named = f"{self.model_registration_domain}-{self.model_registration_objective}"
        group = re.sub(r"[^A-Za-z0-9]+", "-", self.model_name or named).strip("-")[:63].rstrip("-")
        own = list(ModelRegistrationConfig.model_fields)
        own = own[own.index("framework") : own.index("model_name")]
        return {
            **self.model_dump(mode="json", include=set(own)),
            "variable_schema": self.variable_schema,
            "model_name": self.model_name or named,
            "model_package_group": self.model_package_group or group,
            "framework_version": self.framework_version or FRAMEWORK_VERSIONS[self.framework][0],
            "author": self.author,
            "service_name": self.service_name,
            "pipeline_region": self.aws_region,
            "deployments": dict(self.deployments),
        }


class ModelRegistrationStepBuilder(ProcessingStepBuilder[ModelRegistrationConfig]):
    """Builds the step that registers a model."""

    config_class = ModelRegistrationConfig
    spec = REGISTRATION_SPEC
    script = SCRIPTS / REGISTRATION_CONTRACT.entry_point

    def create_step(
        self,
        inputs: Mapping[str, Text] | None = None,
        *,
        packaging_step_output: Text = None,
        payload_s3_uri: Text = None,
        payload_s3_key: Text = None,
        dependencies: Sequence[Any] = (),
        regions: Sequence[str] = (),
    ) -> Any:
        """Return the step, or, for `regions`, a list of steps, one per region.

        Args:
            inputs: by logical name, as the template finds them.
            packaging_step_output: the packaged model: an S3 URI or a reference.
            payload_s3_uri: example requests, likewise; they may be missing.
            payload_s3_key: the key of their archive in its bucket.
            dependencies: steps to run before it.
            regions: where to register with SageMaker; a step's name ends in its region.

        Raises:
            InvalidPipeline: there is no packaged model, or an input is no S3 URI.
        """
        found = {
            **(inputs or {}),
            **({} if packaging_step_output is None else {"PackagedModel": packaging_step_output}),
            **({} if payload_s3_uri is None else {"GeneratedPayloadSamples": payload_s3_uri}),
        }
        if not found.get("PackagedModel"):
            raise InvalidPipeline("packaging_step_output is missing; registration requires it.")
        if not found.get("GeneratedPayloadSamples"):
            _logger.warning("%s registers a model without a payload.", self.name)
        given = self.all_inputs(found)
        key = payload_s3_key or _key_of(given.get("GeneratedPayloadSamples"))
        if not regions:
            return self._step(given, key, dependencies)
        known = [REGIONS.get(check_region(name), name) for name in regions]
        return [
            self._in_region(region)._step(given, key, dependencies)
            for region in dict.fromkeys(known)
        ]

    def document(self) -> JsonObject:
        """What to register, the commit that it is compiled at, and the images that can serve it."""
        from muniment.pipelines.sdk.images import image_uri

        config = self.config
        images = {
            region: config.inference_image_uri
            or image_uri(
                config.framework,
                region=region,
                version=config.framework_version,
                py_version=config.py_version,
                instance_type=config.inference_instance_type,
                scope="inference",
            )
            for region in config.all_regions
        }
        commit = git.commit_here() if git.wanted(None) else None
        return {
            **config.document(),
            "inference_images": dict(images),
            "commit": None if commit is None else commit.to_json(),
        }

    def _in_region(self, region: str) -> ModelRegistrationStepBuilder:
        return ModelRegistrationStepBuilder(
            self.config.model_copy(update={"regions": (region,)}),
            sagemaker_session=self.session,
            role=self.role,
            name=f"{self.name}-{region}",
            base=(*self.base, region),
        )

    def _step(self, inputs: Mapping[str, Text], payload_key: Text, after: Sequence[Any]) -> Any:
        from muniment.pipelines.references import wrapped
        from muniment.pipelines.registration_step import MimsModelRegistrationProcessingStep

        job = self.job(inputs, self._environment(inputs, payload_key))
        if self.config.performance_metadata:
            path = self.contract.configured_input_paths["metadata"]
            metadata = JobInput("metadata", self.config.performance_metadata, path)
            job = replace(job, inputs=[*job.inputs, metadata])
        sources = [
            replace(given, source=wrapped(given.source, f"input {given.name} of {self.name}"))
            for given in job.inputs
        ]
        return MimsModelRegistrationProcessingStep(
            self.name, replace(job, inputs=sources), session=self.session, depends_on=after
        )

    def _environment(self, inputs: Mapping[str, Text], payload_key: Text) -> dict[str, Text]:
        from muniment.pipelines.sdk.names import ExecutionVariables

        config = self.config
        environment = {
            "MUNIMENT_REGISTRY": config.muniment_registry,
            "MUNIMENT_WORKSPACE": config.muniment_workspace,
            "MUNIMENT_TOKEN_SECRET": config.muniment_token_secret,
            "REGIONS": ",".join(config.all_regions),
            "PIPELINE_NAME": ExecutionVariables.PIPELINE_NAME,
            "PIPELINE_VERSION": config.pipeline_version,
            "PIPELINE_EXECUTION_ID": ExecutionVariables.PIPELINE_EXECUTION_ID,
            "PACKAGED_MODEL_S3_URI": inputs["PackagedModel"],
            "PAYLOAD_S3_URI": inputs.get("GeneratedPayloadSamples"),
            "PAYLOAD_S3_KEY": payload_key,
        }
        return {name: value for name, value in environment.items() if value not in (None, "")}


def _variables(listed: Mapping[str, VariableType]) -> tuple[Variable, ...]:
    return tuple(Variable(name, kind) for name, kind in listed.items())


def _key_of(payload: Text) -> Text:
    """The key that a payload step has put among its properties, if the payload is one's output."""
    steps = getattr(payload, "_referenced_steps", ())
    return getattr(getattr(steps[0], "properties", None), "payload_s3_key", None) if steps else None
