"""References that pass for strings, on the SDK that is installed."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment.pipelines import (
    InvalidPipeline,
    MimsModelRegistrationProcessingStep,
    OfflinePipelineSession,
    StringLikeWrapper,
    check_no_placeholder,
    validation_scope,
    with_string_references,
)
from muniment.pipelines.jobs import JobInput, JobOutput, ProcessingJob
from muniment.pipelines.references import PLACEHOLDER, unwrapped, wrapped
from muniment.pipelines.sdk.names import (
    ExecutionVariables,
    Join,
    ParameterString,
    PipelineVariable,
    Properties,
)
from muniment.pipelines.sdk.pipeline import CheckedPipeline
from muniment.pipelines.sdk.steps import ScriptStep
from tests.pipelines.conftest import compiled

GET = {"Get": "Steps.package.ProcessingOutputConfig.Outputs['model'].S3Output.S3Uri"}


@pytest.fixture
def job(scripts: Path) -> Callable[..., ProcessingJob]:
    def make(*sources: Any) -> ProcessingJob:
        return ProcessingJob(
            image="image",
            code=str(scripts / "step.py"),
            role="role",
            instance_type="ml.m5.large",
            instance_count=1,
            volume_size=5,
            max_runtime=60,
            inputs=[
                JobInput(f"in{n}", source, f"/opt/ml/processing/input/{n}")
                for n, source in enumerate(sources)
            ],
            outputs=[JobOutput("model", "s3://bucket/model", "/opt/ml/processing/output")],
        )

    return make


@pytest.fixture
def package(job: Any, session: OfflinePipelineSession) -> ScriptStep:
    return ScriptStep("package", job(), session=session)


@pytest.fixture
def reference(package: ScriptStep) -> Any:
    return package.properties.ProcessingOutputConfig.Outputs["model"].S3Output.S3Uri


def kinds(reference: Any) -> list[Any]:
    return [
        reference,
        reference.to_string(),
        Join(on="/", values=[reference, "model.tar.gz"]),
        ParameterString(name="Model", default_value="s3://bucket/model"),
        ExecutionVariables.PIPELINE_EXECUTION_ID,
        GET,
    ]


def test_a_wrapped_reference_of_any_kind_registers(
    job: Any, package: ScriptStep, reference: Any, session: OfflinePipelineSession
) -> None:
    for kind in kinds(reference):
        parameters = [kind] if isinstance(kind, ParameterString) else []
        step = MimsModelRegistrationProcessingStep(
            "register", job(StringLikeWrapper(kind)), session=session, depends_on=[package]
        )
        pipeline = CheckedPipeline(
            name="p", parameters=parameters, steps=[step, package], sagemaker_session=session
        )
        made = compiled(pipeline)["register"]
        source = made["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"]
        assert source == (kind if isinstance(kind, dict) else kind.expr)
        assert made["DependsOn"] == ["package"]
        assert PLACEHOLDER not in pipeline.definition()


def test_a_third_party_step_that_keeps_the_wrapper_compiles_to_the_same(
    job: Any, package: ScriptStep, reference: Any, session: OfflinePipelineSession
) -> None:
    def definition(source: Any) -> Any:
        step = ScriptStep("register", job(source), session=session)
        return compiled(CheckedPipeline(name="p", steps=[package, step], sagemaker_session=session))

    assert definition(StringLikeWrapper(reference)) == definition(reference)
    assert definition(StringLikeWrapper(GET)) == definition(reference)


def test_a_raw_reference_fails_as_strings_are_expected(
    job: Any, reference: Any, session: OfflinePipelineSession
) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'startswith'") as refused:
        MimsModelRegistrationProcessingStep("register", job(reference), session=session)
    assert "wrap it: StringLikeWrapper" in refused.value.__notes__[0]
    with pytest.raises(AttributeError, match="'dict' object has no attribute 'startswith'"):
        MimsModelRegistrationProcessingStep("register", job(GET), session=session)
    with pytest.raises(AttributeError, match="'dict' object has no attribute 'expr'"):
        _ = GET.expr  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        str(reference)


@pytest.mark.parametrize("source", ["/local/model", "https://example.com/model", "s3-model", ""])
def test_a_string_that_is_no_s3_uri_is_refused(
    source: str, job: Any, session: OfflinePipelineSession
) -> None:
    with pytest.raises(ValueError, match="must be an S3 URI"):
        MimsModelRegistrationProcessingStep("register", job(source), session=session)


def test_a_string_stays_as_it_is(job: Any, session: OfflinePipelineSession) -> None:
    assert wrapped("s3://bucket/model") == "s3://bucket/model"
    step = MimsModelRegistrationProcessingStep("register", job("s3://b/m"), session=session)
    pipeline = CheckedPipeline(name="p", steps=[step], sagemaker_session=session)
    inputs = compiled(pipeline)["register"]["Arguments"]["ProcessingInputs"]
    assert inputs[0]["S3Input"]["S3Uri"] == "s3://b/m"


@pytest.mark.parametrize("wrong", ["s3://bucket", "", None, 7, [GET]])
def test_only_references_are_wrapped(wrong: Any) -> None:
    with pytest.raises(ValueError, match="StringLikeWrapper got"):
        StringLikeWrapper(wrong)


def test_wrapping_twice_is_wrapping_once(reference: Any) -> None:
    once = StringLikeWrapper(reference)
    assert StringLikeWrapper(once) is once
    assert unwrapped(once) is reference


def test_it_is_what_it_wraps_to_whoever_asks(reference: Any, package: ScriptStep) -> None:
    wrapper = StringLikeWrapper(reference)
    assert isinstance(wrapper, PipelineVariable)
    assert isinstance(wrapper, Properties)
    assert wrapper.__class__ is type(reference)
    assert wrapper.expr == reference.expr
    assert wrapper._referenced_steps == reference._referenced_steps
    assert wrapper.step_name == "package"  # whatever else it has
    assert StringLikeWrapper(GET)._referenced_steps == ["package"]
    assert StringLikeWrapper({"Get": "Parameters.Model"})._referenced_steps == []


def test_it_is_a_text_in_a_validation_scope_only(reference: Any) -> None:
    wrapper = StringLikeWrapper(reference)
    assert wrapper.startswith("s3")
    assert not wrapper.startswith("/")
    assert wrapper.endswith("validation")
    with validation_scope():
        assert str(wrapper) == f"{wrapper}" == PLACEHOLDER
        with validation_scope():
            pass
        assert str(wrapper) == PLACEHOLDER
    for leak in (str, lambda w: f"{w}", lambda w: "s3://x/" + w, json.dumps):
        with pytest.raises(TypeError):
            leak(wrapper)


def test_it_survives_copies_and_pickles(reference: Any) -> None:
    for kind in kinds(reference):
        wrapper = StringLikeWrapper(kind)
        assert copy.copy(wrapper) is wrapper
        assert copy.deepcopy({"a": [wrapper]})["a"][0] is wrapper
        assert pickle.loads(pickle.dumps(wrapper)) == wrapper


def test_a_half_made_one_has_no_attributes_rather_than_endlessly_many() -> None:
    half = object.__new__(StringLikeWrapper)
    with pytest.raises(AttributeError, match="_obj"):
        half.__getattr__("_obj")


def test_equal_references_are_equal_and_different_ones_differ(package: ScriptStep) -> None:
    outputs = package.properties.ProcessingOutputConfig.Outputs
    a, same, b = (StringLikeWrapper(outputs[name].S3Output.S3Uri) for name in ("a", "a", "b"))
    assert a == same
    assert hash(a) == hash(same)
    assert a != b
    assert a != a.expr


def test_the_log_shows_the_expression(reference: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "muniment.pipelines"):
        wrapped(reference, "input PackagedModel")
    assert "input PackagedModel passes for a string" in caplog.text
    assert "Steps.package.ProcessingOutputConfig" in caplog.text


class PickyStep(ScriptStep):
    """Some other step class that checks a list of strings when it is made."""

    def __init__(self, name: str, sources: list[str], job: Any, session: Any) -> None:
        assert all(source.startswith("s3://") and str(source) for source in sources)
        super().__init__(name, job(*sources), session=session)


def test_any_step_class_that_checks_strings_takes_references(
    job: Any, package: ScriptStep, reference: Any, session: OfflinePipelineSession
) -> None:
    step = with_string_references(PickyStep, "picky", ["s3://b/k", reference], job, session)
    pipeline = CheckedPipeline(name="p", steps=[package, step], sagemaker_session=session)
    inputs = compiled(pipeline)["picky"]["Arguments"]["ProcessingInputs"]
    assert [i["S3Input"]["S3Uri"] for i in inputs[:2]] == ["s3://b/k", reference.expr]


def test_a_step_class_that_keeps_the_text_is_found_out(
    job: Any, reference: Any, session: OfflinePipelineSession
) -> None:
    def leaky(source: Any) -> ScriptStep:
        return ScriptStep("leaky", job(str(source)), session=session)

    step = with_string_references(leaky, reference)
    pipeline = CheckedPipeline(name="p", steps=[step], sagemaker_session=session)
    with pytest.raises(InvalidPipeline, match="placeholder"):
        pipeline.definition()
    assert check_no_placeholder("{}") == "{}"
