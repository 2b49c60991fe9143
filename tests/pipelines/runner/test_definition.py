"""Definitions: which are taken, and in which order their steps run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muniment.pipelines import InvalidPipeline
from muniment.pipelines.runner import Definition
from tests.pipelines.runner.definitions import definition, output_of, processing


def order(*steps: dict[str, Any]) -> list[str]:
    return [step.name for step in Definition.parse(definition(*steps)).steps]


def test_references_make_an_order() -> None:
    last = processing("a", inputs={"x": output_of("b")})
    assert order(last, processing("b")) == ["b", "a"]


def test_dependencies_make_an_order_in_either_form() -> None:
    first = processing("c", depends_on=["b"])
    second = processing("b", depends_on=[{"Step": "a", "Trigger": None}])
    assert order(first, second, processing("a")) == ["a", "b", "c"]


def test_references_are_found_however_deep() -> None:
    deep = {
        "Std:Join": {"On": "/", "Values": [{"Std:Join": {"On": "", "Values": [output_of("b")]}}]}
    }
    assert order(processing("a", environment={"X": deep}), processing("b")) == ["b", "a"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "no steps"),
        ([processing("a", depends_on=["b"])], "'a' needs 'b', which is no step"),
        ([processing("a", inputs={"x": output_of("b")})], "'a' needs 'b', which is no step"),
        (
            [processing("a", depends_on=["b"]), processing("b", inputs={"x": output_of("a")})],
            "wait for each other: . -> . -> .",
        ),
        ([processing("a", inputs={"x": output_of("a")})], "wait for each other: a -> a"),
        ([processing("a"), processing("a")], "the step 'a' more than once"),
        ([{"Name": "a", "Type": "Condition", "Arguments": {}}], "of the type 'Condition'"),
        ([{"Name": "a", "Type": "Lambda", "Arguments": {}}], "knows Processing, Training, Model"),
        ([{"Name": "a", "Type": "Processing"}], "no Arguments"),
        ([{"Type": "Processing", "Arguments": {}}], "must have a Name"),
        ([processing("../a")], "can't name a folder"),
        ([processing("..")], "can't name a folder"),
        ([processing("a", depends_on=[3])], "names no step"),
        (
            [processing("a"), processing("b", depends_on=[{"Step": "a", "Trigger": "Failed"}])],
            "runs when 'a' is 'Failed'",
        ),
    ],
)
def test_definitions_that_cannot_run_here(steps: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InvalidPipeline, match=said):
        Definition.parse(definition(*steps))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"Steps": {}})])
def test_what_is_no_definition(text: str) -> None:
    with pytest.raises(InvalidPipeline, match="The definition"):
        Definition.parse(text)
