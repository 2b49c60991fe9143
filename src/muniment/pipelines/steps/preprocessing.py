"""Tabular preprocessing: splits one table into what to train, to validate and to test with.

Reads the one CSV or Parquet file in input/data and writes CSV files with a header:

    output/train/train.csv
    output/validation/validation.csv
    output/test/test.csv
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from muniment.pipelines.builders import SCRIPTS, ProcessingStepBuilder
from muniment.pipelines.configs import ProcessingStepConfig
from muniment.pipelines.contracts import ScriptContract
from muniment.pipelines.specifications import (
    DependencySpec,
    DependencyType,
    NodeType,
    OutputSpec,
    StepSpecification,
)

PREPROCESSING_CONTRACT: Final = ScriptContract(
    entry_point="preprocessing.py",
    expected_input_paths={"DATA": "/opt/ml/processing/input/data"},
    expected_output_paths={"processed_data": "/opt/ml/processing/output"},
    required_env_vars=("LABEL_FIELD", "TRAIN_RATIO", "TEST_VAL_RATIO"),
    optional_env_vars={"RANDOM_SEED": "42"},
    framework_requirements={"pandas": ">=1.3", "scikit-learn": ">=1.0"},
    description="Splits a table: TRAIN_RATIO to train, of the rest TEST_VAL_RATIO to test.",
)

PREPROCESSING_SPEC: Final = StepSpecification(
    step_type="TabularPreprocessing",
    node_type=NodeType.INTERNAL,
    dependencies=[
        DependencySpec(
            "DATA",
            DependencyType.TRAINING_DATA,
            compatible_sources=("CradleDataLoading",),
            semantic_keywords=("data", "dataset", "table", "raw"),
            description="The table to split.",
        )
    ],
    outputs=[
        OutputSpec(
            "processed_data",
            DependencyType.PROCESSING_OUTPUT,
            'properties.ProcessingOutputConfig.Outputs["processed_data"].S3Output.S3Uri',
            aliases=("training_data", "preprocessed_data"),
            description="train/, validation/ and test/, as CSV.",
        )
    ],
    script_contract=PREPROCESSING_CONTRACT,
)


class TabularPreprocessingConfig(ProcessingStepConfig):
    """How to split: `train_ratio` to train, of the rest `test_val_ratio` to test."""

    label_name: str = Field(min_length=1)
    train_ratio: float = Field(default=0.7, gt=0, lt=1)
    test_val_ratio: float = Field(default=0.5, gt=0, lt=1)
    random_seed: int = Field(default=42, ge=0, lt=2**32)


class TabularPreprocessingStepBuilder(ProcessingStepBuilder[TabularPreprocessingConfig]):
    """Builds the step that splits a table."""

    config_class = TabularPreprocessingConfig
    spec = PREPROCESSING_SPEC
    script = SCRIPTS / PREPROCESSING_CONTRACT.entry_point

    def environment(self) -> Mapping[str, str]:
        """The label, and how to split."""
        return {
            "LABEL_FIELD": self.config.label_name,
            "TRAIN_RATIO": str(self.config.train_ratio),
            "TEST_VAL_RATIO": str(self.config.test_val_ratio),
            "RANDOM_SEED": str(self.config.random_seed),
        }
