from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muniment.errors import InvalidInput
from muniment.pipelines import (
    CradleDataLoadingConfig,
    CreatePytorchModelConfig,
    InvalidPipeline,
    MIMSPackagingConfig,
    MIMSPayloadConfig,
    ModelRegistrationConfig,
    TabularPreprocessingConfig,
    VariableType,
    XGBoostTrainingConfig,
)


def registration(**given: Any) -> ModelRegistrationConfig:
    return ModelRegistrationConfig(**{"model_registration_objective": "Fraud", **given})


def test_registration_needs_an_objective_and_nothing_else() -> None:
    config = registration()
    assert config.framework == "xgboost"
    assert config.inference_instance_type == "ml.m5.large"
    assert config.inference_entry_point == "inference.py"
    assert config.model_owner == "team id"
    assert config.model_registration_domain == "BuyerSellerMessaging"
    assert config.source_model_inference_content_types == ["text/csv"]
    assert config.source_model_inference_response_types == ["application/json"]
    assert config.source_model_inference_output_variable_list == {"legacy-score": "NUMERIC"}
    assert config.source_model_inference_input_variable_list == {}


def test_the_variable_schema_lists_names_and_types_on_both_sides() -> None:
    config = registration(
        source_model_inference_input_variable_list={
            "age": VariableType.NUMERIC,
            "country": "TEXT",
        },
        source_model_inference_output_variable_list={"score": "NUMERIC"},
    )
    assert config.variable_schema == {
        "input": {
            "variables": [
                {"name": "age", "type": "NUMERIC"},
                {"name": "country", "type": "TEXT"},
            ]
        },
        "output": {"variables": [{"name": "score", "type": "NUMERIC"}]},
    }


WRONG: list[tuple[type, dict[str, Any], str, str, str]] = [
    (ModelRegistrationConfig, {"model_registration_objective": " "}, "objective", "' '", "given"),
    (ModelRegistrationConfig, {"framework": "caffe"}, "framework", "'caffe'", "one of xgboost"),
    (
        ModelRegistrationConfig,
        {"inference_instance_type": "m5.large"},
        "inference_instance_type",
        "'m5.large'",
        "start with 'ml.'",
    ),
    *(
        (ModelRegistrationConfig, {field: value}, field, repr(value), "must be exactly")
        for field in (
            "source_model_inference_content_types",
            "source_model_inference_response_types",
        )
        for value in ([], ["text/plain"], ["text/csv", "application/json"], ["text/csv"] * 2)
    ),
    (
        ModelRegistrationConfig,
        {"source_model_inference_output_variable_list": {}},
        "output_variable_list",
        "{}",
        "at least one variable",
    ),
    (
        ModelRegistrationConfig,
        {"source_model_inference_output_variable_list": {"score": "FLOAT"}},
        "output_variable_list['score']",
        "'FLOAT'",
        "'NUMERIC' or 'TEXT'",
    ),
    (
        ModelRegistrationConfig,
        {"source_model_inference_input_variable_list": {"x": "foo"}},
        "input_variable_list['x']",
        "'foo'",
        "'NUMERIC' or 'TEXT'",
    ),
    (ModelRegistrationConfig, {"regions": ["mars"]}, "regions", "mars", "AWS region"),
    (ModelRegistrationConfig, {"performance_metadata": "x"}, "performance_m", "'x'", "S3 URI"),
    (ModelRegistrationConfig, {"model_package_group": "a b"}, "group", "'a b'", "63 letters"),
    (ModelRegistrationConfig, {"region": "XX"}, "region", "'XX'", "NA, EU, FE"),
    (ModelRegistrationConfig, {"bucket": "s3://b"}, "bucket", "'s3://b'", "without s3://"),
    (ModelRegistrationConfig, {"max_runtime_seconds": 1}, "max_runtime", "1", "greater than"),
    (ModelRegistrationConfig, {"processing_instance_count": 0}, "count", "0", "greater than"),
    (
        ModelRegistrationConfig,
        {"processing_entry_point": "x.sh"},
        "processing_entry_point",
        "'x.sh'",
        ".py",
    ),
    (
        ModelRegistrationConfig,
        {"processing_instance_type_small": "t3"},
        "processing_instance_type_small",
        "'t3'",
        "start with 'ml.'",
    ),
    (ModelRegistrationConfig, {"framewrok": "sklearn"}, "framewrok", "'sklearn'", "has no"),
    (CradleDataLoadingConfig, {"data_source": "ftp://a/b"}, "data_source", "ftp", "http(s)"),
    (CradleDataLoadingConfig, {"data_source": "s3://bucket"}, "data_source", "s3:", "a file"),
    (TabularPreprocessingConfig, {"label_name": ""}, "label_name", "''", "at least 1"),
    (TabularPreprocessingConfig, {"train_ratio": 1}, "train_ratio", "1", "less than 1"),
    (TabularPreprocessingConfig, {"test_val_ratio": 0}, "test_val_ratio", "0", "greater than 0"),
    (XGBoostTrainingConfig, {"tab_field_list": []}, "tab_field_list", "empty", "one column"),
    (XGBoostTrainingConfig, {"tab_field_list": ["y"]}, "label", "'y'", "must not see it"),
    (XGBoostTrainingConfig, {"cat_field_list": ["a"]}, "field lists", "'a'", "once"),
    (XGBoostTrainingConfig, {"training_instance_type": "x"}, "instance_type", "'x'", "'ml.'"),
    (CreatePytorchModelConfig, {"model_data": "/model"}, "model_data", "'/model'", "S3 URI"),
    (CreatePytorchModelConfig, {"inference_instance_type": "x"}, "instance_type", "x", "'ml.'"),
    (
        MIMSPayloadConfig,
        {"source_model_inference_content_types": ["text/xml"]},
        "content_types",
        "text/xml",
        "text/csv or application/json",
    ),
    (MIMSPayloadConfig, {"expected_tps": 0}, "expected_tps", "0", "greater than"),
    (MIMSPayloadConfig, {"max_acceptable_error_rate": 2}, "error_rate", "2", "less than"),
    (MIMSPayloadConfig, {"load_test_instance_type_list": []}, "instance_type_list", "()", "1"),
    (MIMSPayloadConfig, {"load_test_instance_type_list": ["x"]}, "type_list", "x", "'ml.'"),
    (MIMSPayloadConfig, {"special_field_values": {"a b": "x"}}, "special", "a b", "letters"),
]
NEEDED: dict[type, dict[str, Any]] = {
    ModelRegistrationConfig: {"model_registration_objective": "Fraud"},
    CradleDataLoadingConfig: {"data_source": "data.csv"},
    TabularPreprocessingConfig: {"label_name": "y"},
    XGBoostTrainingConfig: {"label_name": "y", "tab_field_list": ["a"]},
}


@pytest.mark.parametrize(("config", "given", "field", "value", "rule"), WRONG)
def test_a_broken_rule_is_an_error_that_names_field_value_and_rule(
    config: Any, given: dict[str, Any], field: str, value: str, rule: str
) -> None:
    with pytest.raises(InvalidPipeline) as refused:
        config(**{**NEEDED.get(config, {}), **given})
    said = str(refused.value)
    assert field in said
    assert value.strip("()") in said
    assert rule in said
    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, InvalidInput)


def test_a_missing_objective_is_named() -> None:
    with pytest.raises(ValueError, match=r"model_registration_objective of .* must be given"):
        ModelRegistrationConfig()


def test_all_broken_rules_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"framework .*caffe.*instance_type .*m5"):
        registration(framework="caffe", inference_instance_type="m5")


def test_an_unknown_variable_type_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="foo"):
        VariableType("foo")


@pytest.mark.parametrize("make", [registration, MIMSPackagingConfig])
def test_the_inference_entry_point_must_exist_in_a_local_source_dir(
    make: Any, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"inference_entry_point is 'inference.py', .*must be"):
        make(source_dir=str(tmp_path))
    (tmp_path / "inference.py").touch()
    assert make(source_dir=str(tmp_path)).source_dir == str(tmp_path)


def test_a_source_dir_in_s3_is_not_looked_into() -> None:
    assert registration(source_dir="s3://bucket/code").source_dir == "s3://bucket/code"


@pytest.mark.parametrize(
    ("region", "aws"),
    [("NA", "us-east-1"), ("EU", "eu-west-1"), ("FE", "us-west-2"), ("eu-north-1", "eu-north-1")],
)
def test_regions_have_short_names(region: str, aws: str) -> None:
    assert registration(region=region).aws_region == aws


def test_the_pipeline_is_named_after_whose_it_is() -> None:
    config = registration(author="ada", bucket="a-bucket", service_name="fraud", region="EU")
    assert config.pipeline_name == "ada-fraud-xgboost-EU"
    assert config.pipeline_description == "fraud: xgboost model, EU"
    assert config.pipeline_s3_loc == "s3://a-bucket/ada-fraud-xgboost-EU/1.0.0"


def test_without_a_bucket_there_is_no_place_for_files() -> None:
    with pytest.raises(ValueError, match="bucket is empty"):
        _ = registration().pipeline_s3_loc


def test_what_is_not_given_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_PIPELINE_BUCKET", "from-env")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("MUNIMENT_REGISTRY", "https://models.example.com")
    config = registration()
    assert (config.bucket, config.aws_region) == ("from-env", "eu-north-1")
    assert config.muniment_registry == "https://models.example.com"
    assert registration(bucket="own").bucket == "own"


def test_an_environment_is_checked_like_anything_that_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MUNIMENT_PIPELINE_REGION", "XX")
    with pytest.raises(ValueError, match=r"region .* 'XX'"):
        registration()


def test_the_larger_instance_is_taken_if_it_is_asked_for() -> None:
    assert registration().processing_instance_type == "ml.m5.2xlarge"
    large = registration(use_large_processing_instance=True)
    assert large.processing_instance_type == "ml.m5.4xlarge"
    assert (large.processing_instance_count, large.processing_volume_size) == (1, 500)


def test_domain_and_objective_name_the_model() -> None:
    document = registration(model_registration_domain="Payments & Co").document()
    assert document["model_name"] == "Payments & Co-Fraud"
    assert document["model_package_group"] == "Payments-Co-Fraud"
