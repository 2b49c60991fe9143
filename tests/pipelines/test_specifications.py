"""Specifications, script contracts, and that they speak of the same things."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.pipelines import (
    REGISTRATION_SPEC,
    Container,
    DependencySpec,
    DependencyType,
    InvalidPipeline,
    NodeType,
    OutputSpec,
    ScriptContract,
    StepSpecification,
    installed_step_builders,
)
from muniment.pipelines.alignment import check_alignment, misalignments

NEED = DependencySpec("data", DependencyType.TRAINING_DATA)
GIVE = OutputSpec("model", DependencyType.MODEL_ARTIFACTS, "properties.A.B", aliases=("artifacts",))


def test_registration_needs_a_packaged_model_and_takes_a_payload() -> None:
    model, payload = REGISTRATION_SPEC.dependencies.values()
    assert (model.logical_name, model.dependency_type) == ("PackagedModel", "model_artifacts")
    assert model.required
    assert payload.logical_name == "GeneratedPayloadSamples"
    assert payload.dependency_type == "payload_samples"
    assert not payload.required
    assert list(REGISTRATION_SPEC.outputs) == ["registered_model"]
    assert REGISTRATION_SPEC.node_type == "internal"


def test_an_output_is_found_by_its_aliases_whatever_their_case() -> None:
    spec = StepSpecification("Train", "source", outputs=[GIVE])
    assert spec.output("ARTIFACTS") is GIVE
    assert spec.output("other") is None


@pytest.mark.parametrize(
    ("node_type", "needs", "gives"),
    [
        ("source", [NEED], [GIVE]),
        ("source", [], []),
        ("internal", [], [GIVE]),
        ("internal", [NEED], []),
        ("sink", [NEED], [GIVE]),
        ("sink", [], []),
        ("singular", [NEED], []),
        ("singular", [], [GIVE]),
    ],
)
def test_a_step_has_the_shape_of_its_node_type(node_type: str, needs: Any, gives: Any) -> None:
    with pytest.raises(ValueError, match=f"a {node_type} node has"):
        StepSpecification("Step", node_type, needs, gives)


@pytest.mark.parametrize(
    ("node_type", "needs", "gives"),
    [
        ("source", [], [GIVE]),
        ("internal", [NEED], [GIVE]),
        ("sink", [NEED], []),
        ("singular", [], []),
    ],
)
def test_the_shapes_that_fit(node_type: str, needs: Any, gives: Any) -> None:
    spec = StepSpecification("Step", node_type, needs, gives)
    assert spec.node_type is NodeType(node_type)


def give(name: str, *aliases: str) -> OutputSpec:
    return OutputSpec(name, DependencyType.MODEL_ARTIFACTS, "properties.A", aliases=aliases)


@pytest.mark.parametrize(
    "outputs",
    [
        [give("model"), give("MODEL")],
        [give("model", "m"), give("other", "M")],
        [give("model", "Model")],
        [give("a", "b"), give("B")],
    ],
)
def test_names_and_aliases_are_unique_whatever_their_case(outputs: list[OutputSpec]) -> None:
    with pytest.raises(ValueError, match="must be unique"):
        StepSpecification("Step", "source", (), outputs)


def test_names_of_dependencies_are_unique() -> None:
    twice = [NEED, DependencySpec("DATA", DependencyType.TRAINING_DATA)]
    with pytest.raises(ValueError, match="'data' and 'DATA'"):
        StepSpecification("Step", "sink", twice)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: OutputSpec("a", DependencyType.MODEL_ARTIFACTS, "Steps.A"), "'properties.'"),
        (lambda: OutputSpec("", DependencyType.MODEL_ARTIFACTS, "properties.A"), "empty"),
        (lambda: DependencySpec("", DependencyType.TRAINING_DATA), "empty"),
        (lambda: DependencySpec("a", "models"), "'models' is no type"),  # type: ignore[arg-type]
        (lambda: StepSpecification("", "singular"), "step_type"),
        (lambda: StepSpecification("A", "leaf"), "'leaf'"),
        (lambda: StepSpecification("A", "sink", {"other": NEED}), "'other' is called 'data'"),
    ],
)
def test_a_broken_rule_is_told_with_its_value(make: Any, said: str) -> None:
    with pytest.raises(InvalidPipeline, match=said):
        make()


CONTRACT: dict[str, Any] = {
    "entry_point": "script.py",
    "expected_input_paths": {"data": "/opt/ml/processing/input/data"},
    "expected_output_paths": {"model": "/opt/ml/processing/output/model"},
    "expected_arguments": {"job-type": "what for"},
    "required_env_vars": ["LABEL_FIELD"],
}


def test_a_contract_knows_which_variables_are_missing() -> None:
    contract = ScriptContract(**CONTRACT)
    assert contract.missing_variables({"OTHER": "x"}) == ["LABEL_FIELD"]
    assert contract.missing_variables({"LABEL_FIELD": "y"}) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"entry_point": "script.sh"}, "'script.sh'"),
        ({"entry_point": "../script.py"}, "'../script.py'"),
        ({"expected_input_paths": {"a": "/tmp/a"}}, "'/tmp/a'"),
        ({"expected_input_paths": {"a": "/opt/ml/processing/output/a"}}, "must lie under"),
        ({"expected_input_paths": {"a": "/opt/ml/processing/inputs"}}, "must lie under"),
        ({"expected_input_paths": {"a": "/opt/ml/processing/input/../x"}}, "must lie under"),
        ({"expected_output_paths": {"a": "/opt/ml/processing/input/a"}}, "must lie under"),
        ({"configured_input_paths": {"a": "/etc"}}, "'/etc'"),
        ({"expected_arguments": {"--job-type": ""}}, "lower-kebab"),
        ({"expected_arguments": {"Job_Type": ""}}, "lower-kebab"),
        ({"required_env_vars": ["A B"]}, "'A B'"),
        ({"optional_env_vars": {"1A": ""}}, "'1A'"),
    ],
)
def test_a_contract_that_breaks_a_rule_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidPipeline, match=said):
        ScriptContract(**{**CONTRACT, **given})


def test_a_training_container_has_other_folders() -> None:
    paths = {"data": "/opt/ml/input/data/data"}, {"model": "/opt/ml/model"}
    ScriptContract("train.py", *paths, container=Container.TRAINING)
    with pytest.raises(InvalidPipeline, match="must lie under"):
        ScriptContract("train.py", *paths)


def test_each_path_of_a_contract_has_an_entry_in_the_specification() -> None:
    spec = StepSpecification("Step", "internal", [NEED], [GIVE], ScriptContract(**CONTRACT))
    check_alignment(spec)
    other = StepSpecification("Step", "internal", [NEED], [give("x")], spec.script_contract)
    assert misalignments(other) == [
        "the contract writes /opt/ml/processing/output/model as 'model', "
        "which is no output of the specification"
    ]
    with pytest.raises(InvalidPipeline, match="Step is not aligned"):
        check_alignment(other)


@pytest.mark.parametrize("name", installed_step_builders())
def test_what_comes_along_is_aligned(name: str) -> None:
    assert misalignments(installed_step_builders()[name].spec) == []
