"""XGBoost training: a SageMaker training job that runs our script.

The job runs `python3 /opt/ml/input/data/code/xgboost_training.py`, in a container whose Python has
xgboost. The script reads

    /opt/ml/input/data/training_data             train/, validation/ and test/, CSV with a header
    /opt/ml/input/config/hyperparameters.json    one object; each value a string, of JSON where it
                                                 is no string: "tab_field_list": "[\"amount\"]"

and leaves in /opt/ml/model (the service makes it model.tar.gz)

    xgboost_model.json      the model
    hyperparameters.json    tab_field_list, cat_field_list, label_name, id_name and others, typed
    feature_columns.txt     one column per line, in the model's order
    metrics.json            {"test_auc": 0.98, …}: they become the version's metrics
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field, JsonValue, field_validator, model_validator

from muniment.pipelines.builders import SCRIPTS, StepBuilder
from muniment.pipelines.configs import StepConfig, in_s3, instance_type
from muniment.pipelines.contracts import Container, ScriptContract
from muniment.pipelines.jobs import JobInput, Text, TrainingJob
from muniment.pipelines.specifications import (
    DependencySpec,
    DependencyType,
    NodeType,
    OutputSpec,
    StepSpecification,
)

XGBOOST_TRAINING_CONTRACT: Final = ScriptContract(
    entry_point="xgboost_training.py",
    expected_input_paths={"training_data": "/opt/ml/input/data/training_data"},
    expected_output_paths={"model_output": "/opt/ml/model"},
    framework_requirements={"pandas": ">=1.3", "scikit-learn": ">=1.0", "xgboost": ">=1.7"},
    description="Trains a model, and measures it on the test split.",
    container=Container.TRAINING,
)

XGBOOST_TRAINING_SPEC: Final = StepSpecification(
    step_type="XGBoostTraining",
    node_type=NodeType.INTERNAL,
    dependencies=[
        DependencySpec(
            "training_data",
            DependencyType.TRAINING_DATA,
            compatible_sources=("TabularPreprocessing", "CradleDataLoading"),
            semantic_keywords=("training", "processed", "data", "train"),
            description="train/, validation/ and test/, as CSV.",
        )
    ],
    outputs=[
        OutputSpec(
            "model_output",
            DependencyType.MODEL_ARTIFACTS,
            "properties.ModelArtifacts.S3ModelArtifacts",
            aliases=("model_artifacts", "model_data"),
            description="model.tar.gz, as the job left it.",
        )
    ],
    script_contract=XGBOOST_TRAINING_CONTRACT,
)


class XGBoostTrainingConfig(StepConfig):
    """What to train on, and how.

    `tab_field_list` and `cat_field_list` are the numeric and the text columns that the model sees.
    `hyperparameters` are those of xgboost (`max_depth`, `eta`, …, and `num_round`). The script is
    `training_entry_point` in `source_dir`, or the one that comes along.
    """

    label_name: str = Field(min_length=1)
    id_name: str | None = None
    tab_field_list: tuple[str, ...] = ()
    cat_field_list: tuple[str, ...] = ()
    hyperparameters: dict[str, JsonValue] = Field(default_factory=dict, max_length=90)
    training_entry_point: str | None = None
    training_image_uri: str = ""
    training_instance_type: str = "ml.m5.4xlarge"
    training_instance_count: int = Field(default=1, ge=1, le=100)
    training_volume_size: int = Field(default=30, ge=1, le=16_384)  # GB

    @field_validator("training_instance_type")
    @classmethod
    def _instance_type_is_one(cls, value: str) -> str:
        return instance_type(value)

    @model_validator(mode="after")
    def _fields_are_told_apart(self) -> XGBoostTrainingConfig:
        fields = (*self.tab_field_list, *self.cat_field_list)
        if not fields:
            raise ValueError(
                "tab_field_list and cat_field_list of XGBoostTrainingConfig are empty; "
                "the model must see at least one column."
            )
        for field in fields:
            if field in (self.label_name, self.id_name):
                raise ValueError(
                    f"{field!r} is the label or the id, and in a field list; "
                    "the model must not see it."
                )
            if fields.count(field) > 1:
                raise ValueError(
                    f"{field!r} is in the field lists {fields.count(field)} times; "
                    "a column must be in one of them, once."
                )
        return self


class XGBoostTrainingStepBuilder(StepBuilder[XGBoostTrainingConfig]):
    """Builds the step that trains a model."""

    config_class = XGBoostTrainingConfig
    spec = XGBOOST_TRAINING_SPEC
    script = SCRIPTS / XGBOOST_TRAINING_CONTRACT.entry_point

    def create_step(
        self, inputs: Mapping[str, Text] | None = None, *, dependencies: Sequence[Any] = ()
    ) -> Any:
        """Return a step of type Training; see `StepBuilder.create_step`."""
        from muniment.pipelines.sdk.steps import ScriptTrainingStep

        config, paths = self.config, XGBOOST_TRAINING_CONTRACT.expected_input_paths
        job = TrainingJob(
            image=self._image(),
            code=self._code(),
            role=self.role,
            instance_type=config.training_instance_type,
            instance_count=config.training_instance_count,
            volume_size=config.training_volume_size,
            max_runtime=config.max_runtime_seconds,
            output=self.destination("model_output"),
            inputs=[
                JobInput(name, source, paths[name])
                for name, source in self.all_inputs(inputs).items()
            ],
            hyperparameters=self.hyperparameters(),
        )
        return ScriptTrainingStep(
            self.name,
            job,
            session=self.session,
            depends_on=dependencies,
            caching=config.enable_caching,
        )

    def hyperparameters(self) -> dict[str, str]:
        """What the script finds as hyperparameters.json: strings, of JSON but for strings."""
        config = self.config
        values: dict[str, JsonValue] = {
            **config.hyperparameters,
            "tab_field_list": list(config.tab_field_list),
            "cat_field_list": list(config.cat_field_list),
            "label_name": config.label_name,
            **({"id_name": config.id_name} if config.id_name else {}),
        }
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}

    def _image(self) -> str:
        from muniment.pipelines.sdk.images import image_uri

        return self.config.training_image_uri or image_uri(
            "xgboost",
            region=self.config.aws_region,
            version=self.config.framework_version,
            py_version=self.config.py_version,
            instance_type=self.config.training_instance_type,
            scope="training",
        )

    def _code(self) -> str:
        name, folder = self.config.training_entry_point, self.config.source_dir
        if name is None:
            return str(self.script)
        if folder is None:
            return name
        return f"{folder.rstrip('/')}/{name}" if in_s3(folder) else str(Path(folder, name))
