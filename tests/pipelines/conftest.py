"""Pipelines that are compiled by the SageMaker SDK that is installed, of either generation."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from muniment.pipelines import (
    CradleDataLoadingConfig,
    MIMSPackagingConfig,
    MIMSPayloadConfig,
    ModelRegistrationConfig,
    OfflinePipelineSession,
    PipelineBuilderTemplate,
    PipelineDAG,
    StepConfig,
    TabularPreprocessingConfig,
    VariableType,
    XGBoostTrainingConfig,
    installed_step_builders,
)

NODES = ("data_load", "preprocess", "train", "package", "payload", "register")
COMMON: dict[str, Any] = {"bucket": "a-bucket", "author": "ada", "service_name": "fraud"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of the SDK, and of what it brings along, are its own affair."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is signed in to AWS, and no region is set."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def offline() -> OfflinePipelineSession:
    return OfflinePipelineSession()


@pytest.fixture
def session(offline: OfflinePipelineSession) -> OfflinePipelineSession:
    """Making one takes seconds, so it is one for all tests, without what others uploaded."""
    offline._uploads.clear()
    return offline


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder of scripts of somebody's own, and of inference scripts."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    for name in ("step.py", "inference.py"):
        (folder / name).write_text(f"print({name!r})\n")
    return folder


@pytest.fixture
def configs(scripts: Path) -> dict[str, StepConfig]:
    own = {**COMMON, "processing_source_dir": str(scripts), "processing_entry_point": "step.py"}
    return {
        "data_load": CradleDataLoadingConfig(data_source="https://example.com/data.csv", **own),
        "preprocess": TabularPreprocessingConfig(label_name="fraud", **own),
        "train": XGBoostTrainingConfig(
            label_name="fraud",
            tab_field_list=["amount"],
            cat_field_list=["country"],
            hyperparameters={"max_depth": 3, "objective": "binary:logistic"},
            source_dir=str(scripts),
            training_entry_point="step.py",
            **COMMON,
        ),
        "package": MIMSPackagingConfig(source_dir=str(scripts), **own),
        "payload": MIMSPayloadConfig(
            source_model_inference_input_variable_list={"amount": "NUMERIC"}, **own
        ),
        "register": ModelRegistrationConfig(
            model_registration_objective="Fraud",
            source_model_inference_input_variable_list={"amount": VariableType.NUMERIC},
            **own,
        ),
    }


@pytest.fixture
def dag() -> PipelineDAG:
    return PipelineDAG(NODES, pairwise(NODES))


@pytest.fixture
def template(
    dag: PipelineDAG, configs: dict[str, StepConfig], session: OfflinePipelineSession
) -> PipelineBuilderTemplate:
    return PipelineBuilderTemplate(dag, configs, installed_step_builders(), session, "a-role")


def compiled(pipeline: Any) -> dict[str, Any]:
    """The steps of a compiled pipeline, by name, in order."""
    return {step["Name"]: step for step in json.loads(pipeline.definition())["Steps"]}
