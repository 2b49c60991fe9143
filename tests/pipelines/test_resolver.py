from __future__ import annotations

from typing import Any

import pytest

from muniment.pipelines import (
    REGISTRATION_SPEC,
    DependencySpec,
    DependencyType,
    OutputSpec,
    StepSpecification,
    UnifiedDependencyResolver,
)
from muniment.pipelines.resolver import THRESHOLD, Candidate
from muniment.pipelines.steps.packaging import PACKAGING_SPEC
from muniment.pipelines.steps.payload import PAYLOAD_SPEC
from muniment.pipelines.steps.xgboost_training import XGBOOST_TRAINING_SPEC

RESOLVER = UnifiedDependencyResolver()
MODEL = REGISTRATION_SPEC.dependencies["PackagedModel"]


def output(
    name: str, kind: str = "model_artifacts", *aliases: str, data_type: str = "S3Uri"
) -> OutputSpec:
    return OutputSpec(
        name, DependencyType(kind), "properties.A", aliases=aliases, data_type=data_type
    )


def need(name: str, kind: str = "model_artifacts", **given: Any) -> DependencySpec:
    return DependencySpec(name, DependencyType(kind), **given)


def source(node: str, *outputs: OutputSpec, distance: int = 1, kind: str = "Step") -> Candidate:
    return Candidate(node, StepSpecification(kind, "source", (), outputs), distance)


def sink(*needs: DependencySpec) -> StepSpecification:
    return StepSpecification("Sink", "sink", needs)


def test_a_packaged_model_wins_clearly_over_a_raw_one_which_is_not_accepted() -> None:
    packaged = PACKAGING_SPEC.outputs["packaged_model_output"]
    raw = XGBOOST_TRAINING_SPEC.outputs["model_output"]
    good = RESOLVER.score(MODEL, packaged, "MIMSPackaging")
    bad = RESOLVER.score(MODEL, raw, "XGBoostTraining")
    assert good.total == 1.0
    assert not bad.accepted
    assert good.total - bad.total >= 0.4


@pytest.mark.parametrize("name", ["model", "trained_model", "ModelArtifacts", "model_data"])
def test_no_usual_name_of_a_raw_model_passes_for_a_packaged_one(name: str) -> None:
    assert not RESOLVER.score(MODEL, output(name), "MyTrainingStep").accepted


@pytest.mark.parametrize(
    ("wanted", "offered", "part"),
    [
        ("model_artifacts", "model_artifacts", 0.4),
        ("payload_samples", "processing_output", 0.2),
        ("training_data", "processing_output", 0.2),
        ("processing_output", "training_data", 0.2),
        ("hyperparameters", "custom_property", 0.2),
    ],
)
def test_types_are_equal_or_compatible(wanted: str, offered: str, part: float) -> None:
    assert RESOLVER.score(need("a", wanted), output("b", offered), "S").parts["type"] == part


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ("model_artifacts", "processing_output"),
        ("processing_output", "payload_samples"),
        ("custom_property", "hyperparameters"),
    ],
)
def test_other_types_are_refused_whatever_the_names(wanted: str, offered: str) -> None:
    score = RESOLVER.score(need("same", wanted), output("same", offered), "S")
    assert score.total == 0
    assert "does not accept" in str(score)


def test_the_parts_add_up_and_end_at_one() -> None:
    dependency = need("Model", compatible_sources=("Train",), semantic_keywords=("model",))
    score = RESOLVER.score(dependency, output("x", "model_artifacts", "model"), "TrainStep")
    assert score.parts == {
        "type": 0.4,
        "data type": 0.2,
        "name": 0.25,
        "exact name": 0.05,
        "source": 0.1,
        "keywords": 0.05,
    }
    assert score.total == 1.0


def test_another_data_type_counts_half() -> None:
    text = output("b", data_type="String")
    assert RESOLVER.score(need("a"), text, "S").parts["data type"] == 0.1
    number = output("b", data_type="Integer")
    assert "data type" not in RESOLVER.score(need("a"), number, "S").parts


def test_a_source_outside_of_the_list_costs() -> None:
    dependency = need("a", compatible_sources=("Train",))
    assert RESOLVER.score(dependency, output("b"), "Other").parts["source"] == -0.1
    assert "source" not in RESOLVER.score(need("a"), output("b"), "Other").parts


def test_the_nearest_of_equals_feeds_a_dependency() -> None:
    far, near = source("far", output("model"), distance=2), source("near", output("model"))
    found = RESOLVER.resolve("sink", sink(need("model")), [far, near])
    assert found.matches["model"].node == "near"


def test_the_better_one_feeds_it_though_it_is_further_away() -> None:
    far = source("far", output("packaged_model"), distance=3, kind="Packaging")
    near = source("near", output("model"), kind="Train")
    found = RESOLVER.resolve("register", REGISTRATION_SPEC, [near, far])
    assert found.matches["PackagedModel"].node == "far"
    assert [match.node for match in found.rivals("PackagedModel")] == ["far", "near"]


def test_one_output_feeds_one_dependency_of_a_consumer() -> None:
    wants = sink(need("model"), need("second_model", required=False))
    found = RESOLVER.resolve("sink", wants, [source("train", output("model"))])
    assert list(found.matches) == ["model"]
    assert [d.logical_name for d in found.unresolved] == ["second_model"]


def test_a_required_dependency_that_nothing_feeds_lists_the_candidates_with_scores() -> None:
    candidates = [source("train", output("model"), kind="Train"), source("load", output("data"))]
    with pytest.raises(ValueError, match="required") as refused:
        RESOLVER.resolve("register", REGISTRATION_SPEC, candidates)
    said = str(refused.value)
    assert "'PackagedModel' of register" in said
    assert "train.model 0.50" in said
    assert "load.data 0.50" in said
    assert f"above {THRESHOLD}" in said


def test_with_nothing_before_it_the_error_says_so() -> None:
    with pytest.raises(ValueError, match="no step with outputs comes before"):
        RESOLVER.resolve("register", REGISTRATION_SPEC, [])


def test_what_is_given_needs_no_match() -> None:
    found = RESOLVER.resolve("register", REGISTRATION_SPEC, [], given=["PackagedModel"])
    assert [d.logical_name for d in found.unresolved] == ["GeneratedPayloadSamples"]


def test_the_payload_comes_from_the_payload_step() -> None:
    chain = [
        Candidate("payload", PAYLOAD_SPEC, 1),
        Candidate("package", PACKAGING_SPEC, 2),
        Candidate("train", XGBOOST_TRAINING_SPEC, 3),
    ]
    found = RESOLVER.resolve("register", REGISTRATION_SPEC, chain)
    assert {name: match.node for name, match in found.matches.items()} == {
        "PackagedModel": "package",
        "GeneratedPayloadSamples": "payload",
    }
