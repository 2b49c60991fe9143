"""References and joins, filled in."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.pipelines import InvalidPipeline
from muniment.pipelines.runner.values import Values
from tests.pipelines.runner.definitions import get, join, output_of

VALUES = Values(
    parameters={"Rate": 0.5, "Name": "n"},
    execution={"PipelineName": "fraud", "PipelineExecutionId": "e1"},
    steps={
        "train-1": {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"}},
        "p": {
            "ProcessingOutputConfig": {
                "Outputs": [
                    {"OutputName": "x", "S3Output": {"S3Uri": "s3://b/x"}},
                    {"OutputName": "y.z", "S3Output": {"S3Uri": "s3://b/y"}},
                ]
            }
        },
    },
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        (3, 3),
        (None, None),
        (get("Parameters.Rate"), 0.5),
        (get("Execution.PipelineExecutionId"), "e1"),
        (get("Steps.train-1.ModelArtifacts.S3ModelArtifacts"), "s3://b/m"),
        (output_of("p", "x"), "s3://b/x"),
        (get('Steps.p.ProcessingOutputConfig.Outputs["y.z"].S3Output.S3Uri'), "s3://b/y"),
        (get("Steps.p.ProcessingOutputConfig.Outputs[1].S3Output.S3Uri"), "s3://b/y"),
        (join("s3://b", get("Execution.PipelineName"), get("Parameters.Rate")), "s3://b/fraud/0.5"),
        (join(join("a", "b"), "c"), "a/b/c"),
        (
            {"a": [get("Parameters.Name")], "b": {"c": get("Parameters.Name")}},
            {"a": ["n"], "b": {"c": "n"}},
        ),
        ({"S3DataSource": {"S3Uri": "s3://b"}}, {"S3DataSource": {"S3Uri": "s3://b"}}),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert VALUES.resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (get("Parameters.None"), "no parameter 'None' .there is Rate, Name."),
        (get("Execution.None"), "no value of the execution"),
        (get("Steps.none.X"), "no step that has run 'none'"),
        (output_of("p", "none"), "there is no \"Steps.p.*Outputs.'none'.\""),
        (get("Steps.p.ProcessingOutputConfig.Outputs[2]"), "leads nowhere"),
        (get("Steps.p.ProcessingOutputConfig.Outputs[bad"), "can't be read from"),
        (get("Steps.p.No.Such"), "leads nowhere"),
        (get("Elsewhere.x"), "begins with Parameters, Execution or Steps"),
        (get(3), "no path of a Get"),  # type: ignore[arg-type]
        ({"Std:JsonGet": {"PropertyFile": {}}}, "uses Std:JsonGet; the local runner knows Get and"),
        ({"Std:Join": ["a"]}, "must have On and Values"),
        (join("a", {"b": 1}), "can't be joined"),
    ],
)
def test_values_that_lead_nowhere(value: Any, said: str) -> None:
    with pytest.raises(InvalidPipeline, match=said):
        VALUES.resolve(value)
