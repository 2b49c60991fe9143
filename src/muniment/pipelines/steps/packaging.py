"""Packaging: one model.tar.gz that can be served, out of a trained model and inference scripts.

    output/model.tar.gz     the model's files at its root
                            code/            the inference scripts, if there are any
                            calibration/     the calibration model, if there is one

An input folder holds either files, or one `model.tar.gz` of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import model_validator

from muniment.pipelines.builders import SCRIPTS, ProcessingStepBuilder
from muniment.pipelines.configs import ProcessingStepConfig, check_entry_point
from muniment.pipelines.contracts import ScriptContract
from muniment.pipelines.jobs import Text
from muniment.pipelines.specifications import (
    DependencySpec,
    DependencyType,
    NodeType,
    OutputSpec,
    StepSpecification,
)

PACKAGING_CONTRACT: Final = ScriptContract(
    entry_point="packaging.py",
    expected_input_paths={
        "model_input": "/opt/ml/processing/input/model",
        "inference_scripts_input": "/opt/ml/processing/input/script",
        "calibration_model": "/opt/ml/processing/input/calibration",
    },
    expected_output_paths={"packaged_model_output": "/opt/ml/processing/output"},
    description="Packs a model and its inference scripts; refuses broken and hostile archives.",
)

PACKAGING_SPEC: Final = StepSpecification(
    step_type="MIMSPackaging",
    node_type=NodeType.INTERNAL,
    dependencies=[
        DependencySpec(
            "model_input",
            DependencyType.MODEL_ARTIFACTS,
            compatible_sources=("XGBoostTraining", "PytorchTraining", "CreatePytorchModel"),
            semantic_keywords=("model", "artifacts", "trained", "output"),
            description="The trained model.",
        ),
        DependencySpec(
            "inference_scripts_input",
            DependencyType.CUSTOM_PROPERTY,
            required=False,
            compatible_sources=("ProcessingStep",),
            semantic_keywords=("inference", "scripts", "code"),
            description="The inference scripts; else the configuration's source_dir.",
        ),
        DependencySpec(
            "calibration_model",
            DependencyType.PROCESSING_OUTPUT,
            required=False,
            compatible_sources=("ModelCalibration",),
            semantic_keywords=("calibration", "calibrator"),
            description="A calibration model, to be packed beside.",
        ),
    ],
    outputs=[
        OutputSpec(
            "packaged_model_output",
            DependencyType.MODEL_ARTIFACTS,
            'properties.ProcessingOutputConfig.Outputs["packaged_model_output"].S3Output.S3Uri',
            aliases=("packaged_model", "PackagedModel"),
            description="The folder with model.tar.gz.",
        )
    ],
    script_contract=PACKAGING_CONTRACT,
)


class MIMSPackagingConfig(ProcessingStepConfig):
    """What to pack beside the model: the inference scripts in `source_dir`, if there are any."""

    inference_entry_point: str = "inference.py"

    @model_validator(mode="after")
    def _entry_point_exists(self) -> MIMSPackagingConfig:
        check_entry_point(self.source_dir, self.inference_entry_point)
        return self


class MIMSPackagingStepBuilder(ProcessingStepBuilder[MIMSPackagingConfig]):
    """Builds the step that packs a model."""

    config_class = MIMSPackagingConfig
    spec = PACKAGING_SPEC
    script = SCRIPTS / PACKAGING_CONTRACT.entry_point

    def configured_inputs(self) -> Mapping[str, Text]:
        """The inference scripts that the configuration names."""
        return {"inference_scripts_input": self.config.source_dir} if self.config.source_dir else {}
