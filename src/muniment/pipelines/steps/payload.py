"""Payload: example requests, one per content type, that the model can be tried with.

    output/payload.tar.gz     flat: payload_text_csv_0.csv, payload_application_json_1.json
    output/load_test.json     what a load test should know: the `load_test` of config.json

config.json (in the config folder) is {"input_variables": {"amount": "NUMERIC", …}, "load_test":
{"expected_tps", "max_latency_in_millisecond", "max_acceptable_error_rate",
"load_test_instance_type_list"}}; without input variables, those of the model count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import Field, field_validator

from muniment.domain.entities import VariableType
from muniment.domain.values import JsonObject
from muniment.pipelines.builders import SCRIPTS, ProcessingStepBuilder, joined
from muniment.pipelines.configs import ProcessingStepConfig
from muniment.pipelines.contracts import CONFIG_FOLDER, ScriptContract
from muniment.pipelines.jobs import Text
from muniment.pipelines.specifications import (
    DependencySpec,
    DependencyType,
    NodeType,
    OutputSpec,
    StepSpecification,
)

PAYLOAD_CONTRACT: Final = ScriptContract(
    entry_point="payload.py",
    expected_input_paths={
        "model_input": "/opt/ml/processing/input/model",
        "custom_payload_input": "/opt/ml/processing/input/custom_payload",
    },
    expected_output_paths={"payload_sample": "/opt/ml/processing/output"},
    configured_input_paths={"config": CONFIG_FOLDER},
    required_env_vars=("CONTENT_TYPES", "DEFAULT_NUMERIC_VALUE", "DEFAULT_TEXT_VALUE"),
    optional_env_vars={
        "FIELD_DEFAULTS": "{}",  # JSON; besides, SPECIAL_FIELD_<name> for any number of names
    },
    description="Writes an example request per content type.",
)

PAYLOAD_SPEC: Final = StepSpecification(
    step_type="MIMSPayload",
    node_type=NodeType.INTERNAL,
    dependencies=[
        DependencySpec(
            "model_input",
            DependencyType.MODEL_ARTIFACTS,
            compatible_sources=("XGBoostTraining", "PytorchTraining", "CreatePytorchModel"),
            semantic_keywords=("model", "artifacts", "trained", "output"),
            description="The model, for its fields.",
        ),
        DependencySpec(
            "custom_payload_input",
            DependencyType.CUSTOM_PROPERTY,
            required=False,
            semantic_keywords=("custom", "payload", "sample"),
            description="Payload files of your own, instead of made ones.",
        ),
    ],
    outputs=[
        OutputSpec(
            "payload_sample",
            DependencyType.PAYLOAD_SAMPLES,
            'properties.ProcessingOutputConfig.Outputs["payload_sample"].S3Output.S3Uri',
            aliases=("GeneratedPayloadSamples", "generated_payload_samples"),
            description="The folder with payload.tar.gz.",
        )
    ],
    script_contract=PAYLOAD_CONTRACT,
)


CONTENT_TYPES: Final = ("text/csv", "application/json")
PAYLOAD_FILE: Final = "payload.tar.gz"


class MIMSPayloadConfig(ProcessingStepConfig):
    """What example requests hold, and what a load test of the model may expect.

    A field is what `special_field_values` says (`{timestamp}` in it is the time), else what
    `field_defaults` says, else the default of its type.
    """

    source_model_inference_content_types: list[str] = Field(default=["text/csv"])
    source_model_inference_input_variable_list: dict[str, VariableType] = Field(
        default_factory=dict
    )
    expected_tps: int = Field(default=2, ge=1)
    max_latency_in_millisecond: int = Field(default=800, ge=1)
    max_acceptable_error_rate: float = Field(default=0.2, ge=0, le=1)
    load_test_instance_type_list: tuple[str, ...] = Field(default=("ml.m5.4xlarge",), min_length=1)
    default_numeric_value: float = 0.0
    default_text_value: str = "DEFAULT_TEXT"
    field_defaults: dict[str, str] = Field(default_factory=dict)
    special_field_values: dict[str, str] = Field(default_factory=dict)

    @field_validator("source_model_inference_content_types")
    @classmethod
    def _content_types_are_known(cls, value: list[str]) -> list[str]:
        if not value or len(set(value)) < len(value) or not set(value) <= set(CONTENT_TYPES):
            raise ValueError(f"must list {' or '.join(CONTENT_TYPES)}, or both, each once")
        return value

    @field_validator("load_test_instance_type_list")
    @classmethod
    def _instance_types_are_some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name.startswith("ml.") for name in value):
            raise ValueError("must list names that start with 'ml.'")
        return value

    @field_validator("special_field_values")
    @classmethod
    def _names_fit_variables(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(re.fullmatch(r"\w+", name, re.ASCII) for name in value):
            raise ValueError(
                "must name fields by letters, digits and underscores: the names become "
                "environment variables"
            )
        return value


class MIMSPayloadStepBuilder(ProcessingStepBuilder[MIMSPayloadConfig]):
    """Builds the step that writes example requests."""

    config_class = MIMSPayloadConfig
    spec = PAYLOAD_SPEC
    script = SCRIPTS / PAYLOAD_CONTRACT.entry_point

    def create_step(
        self, inputs: Mapping[str, Text] | None = None, *, dependencies: Sequence[Any] = ()
    ) -> Any:
        """Return a ProcessingStep whose properties have `payload_s3_uri` and `payload_s3_key`.

        The key is that of payload.tar.gz in the bucket: a string, or a Join where the folder is
        one per execution. There is none if the whole place is known only when the pipeline runs.
        """
        step = super().create_step(inputs, dependencies=dependencies)
        properties = step.properties
        outputs = properties.ProcessingOutputConfig.Outputs
        properties.payload_s3_uri = outputs["payload_sample"].S3Output.S3Uri
        if isinstance(self.base[0], str):
            _bucket, _, prefix = self.base[0].removeprefix("s3://").partition("/")
            parts = (prefix, *self.base[1:], self.spec.step_type, "payload_sample", PAYLOAD_FILE)
            properties.payload_s3_key = joined([part for part in parts if part != ""])
        return step

    def environment(self) -> Mapping[str, str]:
        """What requests hold."""
        config = self.config
        return {
            "CONTENT_TYPES": ",".join(config.source_model_inference_content_types),
            "DEFAULT_NUMERIC_VALUE": str(config.default_numeric_value),
            "DEFAULT_TEXT_VALUE": config.default_text_value,
            "FIELD_DEFAULTS": json.dumps(config.field_defaults),
            **{f"SPECIAL_FIELD_{name}": v for name, v in config.special_field_values.items()},
        }

    def document(self) -> JsonObject:
        """The fields, and what a load test may expect."""
        config = self.config
        variables = config.source_model_inference_input_variable_list
        return {
            "input_variables": {name: kind.value for name, kind in variables.items()},
            "load_test": {
                "expected_tps": config.expected_tps,
                "max_latency_in_millisecond": config.max_latency_in_millisecond,
                "max_acceptable_error_rate": config.max_acceptable_error_rate,
                "load_test_instance_type_list": list(config.load_test_instance_type_list),
            },
        }
