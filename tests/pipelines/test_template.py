"""From a graph and configurations to a definition, by the SDK that is installed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from muniment.pipelines import (
    CreatePytorchModelConfig,
    InvalidPipeline,
    MIMSPackagingStepBuilder,
    ModelRegistrationConfig,
    OfflinePipelineSession,
    PipelineBuilderTemplate,
    PipelineDAG,
    StepConfig,
    installed_step_builders,
)
from muniment.pipelines.references import PLACEHOLDER
from muniment.pipelines.sdk.names import ParameterString
from tests.pipelines.conftest import COMMON, NODES, compiled

Configs = dict[str, StepConfig]
STEPS = ("data-load", "preprocess", "train", "package", "payload", "register")


def inputs_of(step: dict[str, Any]) -> dict[str, Any]:
    arguments = step["Arguments"]
    if "InputDataConfig" in arguments:
        channels = arguments["InputDataConfig"]
        return {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in channels}
    return {i["InputName"]: i["S3Input"]["S3Uri"] for i in arguments["ProcessingInputs"]}


def output_of(step: str, name: str) -> dict[str, str]:
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}


def test_the_whole_chain_is_connected(template: PipelineBuilderTemplate) -> None:
    pipeline = template.generate_pipeline("fraud")
    steps = compiled(pipeline)
    assert tuple(steps) == STEPS
    assert [step["Type"] for step in steps.values()] == [
        "Processing", "Processing", "Training", "Processing", "Processing", "Processing",
    ]  # fmt: skip
    for before, after in pairwise(STEPS):
        assert steps[after]["DependsOn"] == [before]
    model = {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}
    assert inputs_of(steps["preprocess"])["DATA"] == output_of("data-load", "DATA")
    assert inputs_of(steps["train"])["training_data"] == output_of("preprocess", "processed_data")
    assert inputs_of(steps["package"])["model_input"] == model
    assert inputs_of(steps["payload"])["model_input"] == model
    registered = inputs_of(steps["register"])
    assert list(registered) == ["PackagedModel", "GeneratedPayloadSamples", "config", "code"]
    assert registered["PackagedModel"] == output_of("package", "packaged_model_output")
    assert registered["GeneratedPayloadSamples"] == output_of("payload", "payload_sample")
    assert PLACEHOLDER not in pipeline.definition()


def test_a_model_created_from_artifacts_is_packaged_and_registered(
    configs: Configs, session: OfflinePipelineSession
) -> None:
    nodes = ["CreatePytorchModelStep", "PackagingStep", "PayloadStep", "RegistrationStep"]
    config_map = {
        "CreatePytorchModelStep": CreatePytorchModelConfig(
            model_data="s3://bucket/model.tar.gz", **COMMON
        ),
        "PackagingStep": configs["package"],
        "PayloadStep": configs["payload"],
        "RegistrationStep": configs["register"],
    }
    dag = PipelineDAG(nodes, pairwise(nodes))
    template = PipelineBuilderTemplate(dag, config_map, installed_step_builders(), session)
    steps = compiled(template.generate_pipeline("p"))
    model = steps["CreatePytorchModelStep"]
    assert model["Type"] == "Model"
    assert model["Arguments"]["PrimaryContainer"]["ModelDataUrl"] == "s3://bucket/model.tar.gz"
    packaged = inputs_of(steps["PackagingStep"])["model_input"]
    assert packaged == {"Get": "Steps.CreatePytorchModelStep.PrimaryContainer.ModelDataUrl"}
    assert inputs_of(steps["RegistrationStep"])["PackagedModel"] == output_of(
        "PackagingStep", "packaged_model_output"
    )
    config_map["CreatePytorchModelStep"] = CreatePytorchModelConfig(**COMMON)
    template = PipelineBuilderTemplate(dag, config_map, installed_step_builders(), session)
    with pytest.raises(InvalidPipeline, match="has no model_data"):
        template.generate_pipeline("p")


def destination(step: dict[str, Any]) -> Any:
    return step["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]


def test_outputs_go_to_a_folder_per_execution_and_step_type(
    template: PipelineBuilderTemplate,
) -> None:
    steps = compiled(template.generate_pipeline("fraud"))
    assert destination(steps["package"]) == {
        "Std:Join": {
            "On": "/",
            "Values": [
                "s3://a-bucket/ada-fraud-xgboost-NA/1.0.0",
                {"Get": "Execution.PipelineExecutionId"},
                "MIMSPackaging",
                "packaged_model_output",
            ],
        }
    }


def test_outputs_go_where_a_parameter_says(
    dag: PipelineDAG, configs: Configs, session: OfflinePipelineSession
) -> None:
    prefix = ParameterString(name="EXECUTION_S3_PREFIX", default_value="s3://elsewhere/x")
    template = PipelineBuilderTemplate(
        dag, configs, installed_step_builders(), session, "role", [prefix]
    )
    pipeline = template.generate_pipeline("fraud")
    steps = compiled(pipeline)
    assert destination(steps["register"])["Std:Join"]["Values"] == [
        {"Get": "Parameters.EXECUTION_S3_PREFIX"},
        "ModelRegistration",
        "registered_model",
    ]
    assert "PAYLOAD_S3_KEY" not in steps["register"]["Arguments"]["Environment"]
    parameters = json.loads(pipeline.definition())["Parameters"]
    assert [parameter["Name"] for parameter in parameters] == ["EXECUTION_S3_PREFIX"]


def test_two_nodes_of_one_type_write_to_two_places(
    configs: Configs, session: OfflinePipelineSession
) -> None:
    dag = PipelineDAG(["load", "one", "two"], [("load", "one"), ("load", "two")])
    config_map = {"load": configs["data_load"], "one": configs["preprocess"]}
    config_map["two"] = configs["preprocess"]
    template = PipelineBuilderTemplate(dag, config_map, installed_step_builders(), session)
    steps = compiled(template.generate_pipeline("p"))
    ends = [destination(steps[name])["Std:Join"]["Values"][2:] for name in ("one", "two")]
    assert ends == [
        ["one", "TabularPreprocessing", "processed_data"],
        ["two", "TabularPreprocessing", "processed_data"],
    ]


def test_steps_can_be_added_to_the_pipeline(
    template: PipelineBuilderTemplate, session: OfflinePipelineSession, configs: Configs
) -> None:
    pipeline = template.generate_pipeline("fraud")
    builder = MIMSPackagingStepBuilder(
        configs["package"],  # type: ignore[arg-type]
        sagemaker_session=session,
        name="package-again",
    )
    step = builder.create_step({"model_input": "s3://bucket/model"}, dependencies=["register"])
    pipeline.add_step(step)
    assert list(compiled(pipeline)) == [*STEPS, "package-again"]


def test_a_plan_needs_no_sdk_and_tells_why(template: PipelineBuilderTemplate) -> None:
    plan = template.plan()
    assert [step.node for step in plan.steps] == list(NODES)
    register = plan.steps[-1].to_json()
    assert register["inputs"][0] == {  # type: ignore[index, call-overload]
        "input": "PackagedModel",
        "from": "package",
        "output": "packaged_model_output",
        "score": 1.0,
        "why": {
            "type": 0.4,
            "data type": 0.2,
            "name": 0.25,
            "exact name": 0.05,
            "source": 0.1,
            "keywords": 0.05,
        },
    }
    said = str(plan)
    assert "PackagedModel <- package.packaged_model_output 1.00 (type +0.40" in said
    assert "inference_scripts_input <- configuration" in said
    assert "custom_payload_input <- nothing (optional)" in said


class Packaging(MIMSPackagingStepBuilder):
    """Another builder for the same configuration."""


def broken(dag: PipelineDAG, configs: Configs, how: str) -> tuple[Any, Any, Any]:
    builders: dict[str, Any] = installed_step_builders()
    match how:
        case "no nodes":
            dag, configs = PipelineDAG(), {}
        case "an edge to nowhere":
            dag.add_edge("train", "deploy")
        case "no configuration":
            del configs["train"]
        case "a configuration too many":
            configs["deploy"] = configs["train"]
        case "no builder":
            del builders["MIMSPackagingStep"]
        case "a builder that is none":
            builders["Other"] = PipelineDAG
        case "two builders":
            builders["Packaging"] = Packaging
        case "a cycle":
            dag.add_edge("register", "data_load")
        case "one name for two":
            dag.add_node("data-load")
            configs["data-load"] = configs["data_load"]
        case "no name":
            dag.add_node("___")
            configs["___"] = configs["data_load"]
    return dag, configs, builders


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no nodes", "no nodes"),
        ("an edge to nowhere", "'train' -> 'deploy' names 'deploy'"),
        ("no configuration", "Node 'train' has no configuration"),
        ("a configuration too many", "'deploy', which is no node"),
        ("no builder", "No builder for node 'package': none .* is for a MIMSPackagingConfig"),
        ("a builder that is none", "must be a subclass of StepBuilder"),
        ("two builders", "'package' could be built by MIMSPackagingStep or Packaging"),
        ("a cycle", "cycle: .*register"),
        ("one name for two", "would both be step 'data-load'"),
        ("no name", "can't name a step"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    how: str, said: str, dag: PipelineDAG, configs: Configs
) -> None:
    with pytest.raises(ValueError, match=said):
        PipelineBuilderTemplate(*broken(dag, configs, how))


def test_of_two_builders_the_one_under_the_nodes_name_is_meant(
    dag: PipelineDAG, configs: Configs
) -> None:
    builders = {**installed_step_builders(), "package": Packaging}
    PipelineBuilderTemplate(dag, configs, builders).plan()


def test_a_required_input_that_nothing_feeds_is_refused_with_the_candidates(
    configs: Configs,
) -> None:
    dag = PipelineDAG(["data_load", "register"], [("data_load", "register")])
    config_map = {name: configs[name] for name in dag.nodes}
    template = PipelineBuilderTemplate(dag, config_map, installed_step_builders())
    with pytest.raises(ValueError, match=r"'PackagedModel' of register.*data_load.DATA 0.00"):
        template.plan()


def test_a_configuration_of_a_subclass_is_built_like_its_parent(
    dag: PipelineDAG, configs: Configs
) -> None:
    class Ours(ModelRegistrationConfig):
        model_owner: str = "us"

    config_map = {**configs, "register": Ours(model_registration_objective="x")}
    plan = PipelineBuilderTemplate(dag, config_map, installed_step_builders()).plan()
    assert plan.steps[-1].spec.step_type == "ModelRegistration"
