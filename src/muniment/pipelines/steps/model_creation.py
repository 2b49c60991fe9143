"""PyTorch model creation: makes a SageMaker model of trained artifacts (the CreateModel call).

No container runs, so there is no script: a step of type `Model`, with the arguments of CreateModel

    {"ExecutionRoleArn", "PrimaryContainer": {"Image", "ModelDataUrl", "Environment"}}

Others read `PrimaryContainer.ModelDataUrl` off it, which is where the artifacts are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import field_validator

from muniment.pipelines.builders import StepBuilder
from muniment.pipelines.configs import StepConfig, in_s3, instance_type
from muniment.pipelines.errors import InvalidPipeline
from muniment.pipelines.jobs import ModelToCreate, Text
from muniment.pipelines.specifications import (
    DependencySpec,
    DependencyType,
    NodeType,
    OutputSpec,
    StepSpecification,
)

PYTORCH_MODEL_SPEC: Final = StepSpecification(
    step_type="CreatePytorchModel",
    node_type=NodeType.INTERNAL,
    dependencies=[
        DependencySpec(
            "model_data",
            DependencyType.MODEL_ARTIFACTS,
            required=False,
            compatible_sources=("PytorchTraining",),
            semantic_keywords=("model", "artifacts", "training"),
            description="The trained artifacts; else the configuration's model_data.",
        )
    ],
    outputs=[
        OutputSpec(
            "model_output",
            DependencyType.MODEL_ARTIFACTS,
            "properties.PrimaryContainer.ModelDataUrl",
            aliases=("model_artifacts", "model_data"),
            description="The artifacts that the model was made of.",
        ),
        OutputSpec(
            "model_name",
            DependencyType.CUSTOM_PROPERTY,
            "properties.ModelName",
            data_type="String",
            description="The model's name in SageMaker.",
        ),
    ],
)


class CreatePytorchModelConfig(StepConfig):
    """What to make a model of: `model_data` is the S3 URI of trained artifacts.

    It is served by `inference_entry_point` in the artifacts' `code/`.
    """

    model_class: str = "pytorch"
    model_data: str | None = None
    inference_entry_point: str = "inference.py"
    inference_instance_type: str = "ml.m5.large"
    inference_image_uri: str = ""

    @field_validator("model_data")
    @classmethod
    def _model_data_is_in_s3(cls, value: str | None) -> str | None:
        if value is not None and not in_s3(value):
            raise ValueError("must be an S3 URI (s3://bucket/key)")
        return value

    @field_validator("inference_instance_type")
    @classmethod
    def _instance_type_is_one(cls, value: str) -> str:
        return instance_type(value)


class CreatePytorchModelStepBuilder(StepBuilder[CreatePytorchModelConfig]):
    """Builds the step that makes a model."""

    config_class = CreatePytorchModelConfig
    spec = PYTORCH_MODEL_SPEC

    def configured_inputs(self) -> Mapping[str, Text]:
        """The artifacts that the configuration names."""
        return {"model_data": self.config.model_data} if self.config.model_data else {}

    def create_step(
        self, inputs: Mapping[str, Text] | None = None, *, dependencies: Sequence[Any] = ()
    ) -> Any:
        """Return a step of type Model; see `StepBuilder.create_step`."""
        from muniment.pipelines.sdk.steps import ModelCreationStep

        given = self.all_inputs(inputs)
        if "model_data" not in given:
            raise InvalidPipeline(
                "CreatePytorchModel has no model_data, neither from a step before it nor from its "
                "configuration; it must have one."
            )
        model = ModelToCreate(
            image=self._image(),
            model_data=given["model_data"],
            role=self.role,
            environment={
                "SAGEMAKER_PROGRAM": self.config.inference_entry_point,
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                "SAGEMAKER_REGION": self.config.aws_region,
            },
        )
        return ModelCreationStep(self.name, model, session=self.session, depends_on=dependencies)

    def _image(self) -> str:
        from muniment.pipelines.sdk.images import image_uri

        return self.config.inference_image_uri or image_uri(
            "pytorch",
            region=self.config.aws_region,
            version=self.config.framework_version,
            py_version=self.config.py_version,
            instance_type=self.config.inference_instance_type,
            scope="inference",
        )
