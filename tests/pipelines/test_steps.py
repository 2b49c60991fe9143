"""Builders of steps, one by one, as somebody calls them by hand."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from muniment.pipelines import (
    CradleDataLoadingConfig,
    InvalidPipeline,
    MIMSPayloadConfig,
    MIMSPayloadStepBuilder,
    ModelRegistrationConfig,
    ModelRegistrationStepBuilder,
    OfflinePipelineSession,
    StepConfig,
    XGBoostTrainingStepBuilder,
    installed_step_builders,
)
from muniment.pipelines.builders import property_of
from muniment.pipelines.sdk.pipeline import CheckedPipeline
from muniment.pipelines.sdk.steps import check_step_name
from muniment.pipelines.specifications import DependencyType, OutputSpec
from tests.pipelines.conftest import compiled

Configs = dict[str, StepConfig]


@pytest.fixture
def builder(configs: Configs, session: OfflinePipelineSession) -> ModelRegistrationStepBuilder:
    return ModelRegistrationStepBuilder(
        configs["register"],  # type: ignore[arg-type]
        sagemaker_session=session,
        role="arn:aws:iam::1:role/r",
    )


@pytest.fixture
def payload(configs: Configs, session: OfflinePipelineSession) -> Any:
    builder = MIMSPayloadStepBuilder(
        configs["payload"],  # type: ignore[arg-type]
        sagemaker_session=session,
    )
    return builder.create_step({"model_input": "s3://bucket/model.tar.gz"})


def built(step: Any, *others: Any, session: Any) -> dict[str, Any]:
    pipeline = CheckedPipeline(name="p", steps=[*others, step], sagemaker_session=session)
    arguments: dict[str, Any] = compiled(pipeline)[step.name]["Arguments"]
    return arguments


def test_registration_has_its_inputs_in_order_replicated_as_files(
    builder: ModelRegistrationStepBuilder, session: OfflinePipelineSession
) -> None:
    step = builder.create_step(
        packaging_step_output="s3://bucket/package", payload_s3_uri="s3://bucket/payload"
    )
    made = built(step, session=session)
    first, second = made["ProcessingInputs"][:2]
    assert [first["InputName"], second["InputName"]] == ["PackagedModel", "GeneratedPayloadSamples"]
    assert first["S3Input"]["LocalPath"] == "/opt/ml/processing/input/model"
    assert second["S3Input"]["LocalPath"] == "/opt/ml/processing/mims_payload"
    for given in (first, second):
        assert given["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
        assert given["S3Input"]["S3InputMode"] == "File"
    registered = step.properties.ProcessingOutputConfig.Outputs["registered_model"].S3Output.S3Uri
    assert registered.expr["Get"].startswith("Steps.ModelRegistration.")
    assert step.cache_config is None
    assert made["RoleArn"] == "arn:aws:iam::1:role/r"
    assert made["Environment"] == {
        "MUNIMENT_REGISTRY": "http://127.0.0.1:8000",
        "MUNIMENT_WORKSPACE": "default",
        "REGIONS": "us-east-1",
        "PIPELINE_NAME": {"Get": "Execution.PipelineName"},
        "PIPELINE_VERSION": "1.0.0",
        "PIPELINE_EXECUTION_ID": {"Get": "Execution.PipelineExecutionId"},
        "PACKAGED_MODEL_S3_URI": "s3://bucket/package",
        "PAYLOAD_S3_URI": "s3://bucket/payload",
    }


def test_what_is_registered_comes_to_the_script_as_a_document(
    builder: ModelRegistrationStepBuilder, session: OfflinePipelineSession
) -> None:
    step = builder.create_step(packaging_step_output="s3://bucket/package")
    made = built(step, session=session)
    config = made["ProcessingInputs"][1]
    assert config["InputName"] == "config"
    assert config["S3Input"]["LocalPath"] == "/opt/ml/processing/config/config"
    uploads = {f"s3://{u.bucket}/{u.key}": u.source for u in session.uploads}
    document = json.loads(str(uploads[config["S3Input"]["S3Uri"]]))
    assert document["model_name"] == "BuyerSellerMessaging-Fraud"
    assert document["framework"] == "xgboost"
    assert document["variable_schema"]["input"]["variables"][0]["name"] == "amount"
    assert document["inference_images"]["us-east-1"].endswith("sagemaker-xgboost:3.0-5")


def test_one_step_per_region(
    builder: ModelRegistrationStepBuilder, session: OfflinePipelineSession
) -> None:
    steps = builder.create_step(
        packaging_step_output="s3://bucket/package", regions=["us-east-1", "EU"]
    )
    assert [step.name for step in steps] == [
        "ModelRegistration-us-east-1",
        "ModelRegistration-eu-west-1",
    ]
    made = [built(step, session=session) for step in steps]
    assert [arguments["Environment"]["REGIONS"] for arguments in made] == [
        "us-east-1",
        "eu-west-1",
    ]
    places = {
        json.dumps(arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"])
        for arguments in made
    }
    assert len(places) == 2
    with pytest.raises(ValueError, match="AWS region"):
        builder.create_step(packaging_step_output="s3://bucket/package", regions=["mars"])


def test_a_package_is_required_and_a_payload_is_missed(
    builder: ModelRegistrationStepBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="packaging_step_output is missing"):
        builder.create_step()
    with caplog.at_level(logging.WARNING, "muniment"):
        builder.create_step(packaging_step_output="s3://bucket/package")
    assert "without a payload" in caplog.text


@pytest.mark.parametrize("source", ["/local/package", "http://bucket/package"])
def test_a_package_that_is_no_s3_uri_is_refused(
    source: str, builder: ModelRegistrationStepBuilder
) -> None:
    with pytest.raises(ValueError, match="must be an S3 URI"):
        builder.create_step(packaging_step_output=source)


def test_a_payload_step_offers_the_uri_and_the_key_of_its_archive(
    payload: Any, builder: ModelRegistrationStepBuilder, session: OfflinePipelineSession
) -> None:
    uri, key = payload.properties.payload_s3_uri, payload.properties.payload_s3_key
    assert uri.expr["Get"].startswith("Steps.MIMSPayload.")
    assert key.expr["Std:Join"]["Values"] == [
        "ada-fraud-xgboost-NA/1.0.0",
        {"Get": "Execution.PipelineExecutionId"},
        "MIMSPayload",
        "payload_sample",
        "payload.tar.gz",
    ]
    step = builder.create_step(
        packaging_step_output="s3://b/p", payload_s3_uri=uri, dependencies=[payload]
    )
    environment = built(step, payload, session=session)["Environment"]
    assert environment["PAYLOAD_S3_KEY"] == key.expr
    given = builder.create_step(
        packaging_step_output="s3://b/p", payload_s3_uri=uri, payload_s3_key="own/key"
    )
    assert built(given, payload, session=session)["Environment"]["PAYLOAD_S3_KEY"] == "own/key"


def test_a_key_of_a_known_place_is_a_string(
    configs: Configs, session: OfflinePipelineSession
) -> None:
    builder = MIMSPayloadStepBuilder(
        configs["payload"],  # type: ignore[arg-type]
        sagemaker_session=session,
        base="s3://bucket/some/prefix",
    )
    step = builder.create_step({"model_input": "s3://bucket/model"})
    key = "some/prefix/MIMSPayload/payload_sample/payload.tar.gz"
    assert step.properties.payload_s3_key == key


def test_training_tells_the_script_by_hyperparameters(
    configs: Configs, session: OfflinePipelineSession
) -> None:
    builder = XGBoostTrainingStepBuilder(
        configs["train"],  # type: ignore[arg-type]
        sagemaker_session=session,
        role="a-role",
    )
    step = builder.create_step({"training_data": "s3://bucket/data"})
    made = built(step, session=session)
    assert made["HyperParameters"] == {
        "max_depth": "3",
        "objective": "binary:logistic",
        "tab_field_list": '["amount"]',
        "cat_field_list": '["country"]',
        "label_name": "fraud",
    }
    assert made["AlgorithmSpecification"]["ContainerEntrypoint"] == [
        "python3",
        "/opt/ml/input/data/code/step.py",
    ]
    assert made["RoleArn"] == "arn:aws:iam::000000000000:role/a-role"
    assert [channel["ChannelName"] for channel in made["InputDataConfig"]] == [
        "training_data",
        "code",
    ]


def test_values_that_sagemaker_would_refuse_are_refused_here(
    configs: Configs, session: OfflinePipelineSession
) -> None:
    wide = configs["train"].model_copy(update={"tab_field_list": tuple(map(str, range(999)))})
    training = XGBoostTrainingStepBuilder(wide, sagemaker_session=session)  # type: ignore[arg-type]
    with pytest.raises(InvalidPipeline, match=r"tab_field_list has \d+ characters"):
        training.create_step({"training_data": "s3://bucket/data"})
    chatty = MIMSPayloadConfig(default_text_value="x" * 257)
    payload = MIMSPayloadStepBuilder(chatty, sagemaker_session=session)
    with pytest.raises(InvalidPipeline, match="DEFAULT_TEXT_VALUE has 257 characters"):
        payload.create_step({"model_input": "s3://bucket/model"})
    config = CradleDataLoadingConfig(data_source="/" + "x" * 300)
    load = installed_step_builders()["CradleDataLoadStep"](config, sagemaker_session=session)
    with pytest.raises(InvalidPipeline, match="argument has 301 characters"):
        load.create_step()


def test_inputs_are_those_of_the_specification(
    configs: Configs, session: OfflinePipelineSession
) -> None:
    builder = installed_step_builders()["MIMSPackagingStep"](
        configs["package"], sagemaker_session=session
    )
    with pytest.raises(InvalidPipeline, match="'model_input' of MIMSPackaging is missing"):
        builder.create_step()
    with pytest.raises(InvalidPipeline, match="no input 'model'"):
        builder.create_step({"model": "s3://bucket/model"})
    with pytest.raises(InvalidPipeline, match="got a MIMSPayloadConfig"):
        type(builder)(configs["payload"], sagemaker_session=session)


def test_caching_is_for_steps_that_ask_for_it(
    configs: Configs, session: OfflinePipelineSession
) -> None:
    for name, node, given in (
        ("MIMSPackagingStep", "package", {"model_input": "s3://b/m"}),
        ("XGBoostTrainingStep", "train", {"training_data": "s3://b/d"}),
    ):
        cached = configs[node].model_copy(update={"enable_caching": True})
        step = installed_step_builders()[name](cached, sagemaker_session=session).create_step(given)
        assert step.to_request()["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P30D"}


@pytest.mark.parametrize("name", ["a", "A-1", "a--b", "x" * 64])
def test_step_names_that_sagemaker_takes(name: str) -> None:
    assert check_step_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a b", "ä", "x" * 65, "a\n"])
def test_step_names_that_sagemaker_refuses(
    name: str, builder: ModelRegistrationStepBuilder
) -> None:
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        check_step_name(name)


def test_without_credentials_a_step_is_built_offline(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    config = ModelRegistrationConfig(model_registration_objective="Fraud")
    step = ModelRegistrationStepBuilder(config=config).create_step(packaging_step_output="s3://a/b")
    assert step.name == "ModelRegistration"
    assert "compiling offline" in caplog.text


def test_a_property_path_that_leads_nowhere_is_told(payload: Any) -> None:
    def output(path: str) -> OutputSpec:
        return OutputSpec("x", DependencyType.PROCESSING_OUTPUT, path)

    found = property_of(payload, output("properties.ProcessingInputs[0].S3Input.S3Uri"))
    assert found.expr == {"Get": "Steps.MIMSPayload.ProcessingInputs[0].S3Input.S3Uri"}
    with pytest.raises(InvalidPipeline, match="leads nowhere"):
        property_of(payload, output("properties.ModelArtifacts.S3ModelArtifacts"))
    with pytest.raises(InvalidPipeline, match="can't be read"):
        property_of(payload, output("properties.ProcessingInputs[x]"))
