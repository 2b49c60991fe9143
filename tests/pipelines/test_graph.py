from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from muniment.pipelines import (
    PipelineBuilderTemplate,
    PipelineDAG,
    StepConfig,
    installed_step_builders,
)
from muniment.pipelines.graph import mermaid, svg
from tests.pipelines.conftest import NODES


def test_mermaid_names_what_flows_and_dashes_what_is_only_an_order(
    template: PipelineBuilderTemplate,
) -> None:
    lines = mermaid(template.plan()).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n3["package<br/><small>MIMSPackaging</small>"]' in lines
    assert '  n2 -- "model_input" --> n3' in lines
    assert '  n3 -- "PackagedModel" --> n5' in lines
    assert "  n3 -.-> n4" in lines


def test_svg_is_a_document_with_a_box_per_step_and_nothing_from_elsewhere(
    template: PipelineBuilderTemplate,
) -> None:
    drawn = svg(template.plan())
    root = ET.fromstring(drawn)  # noqa: S314  # our own
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}rect")) == len(NODES)
    texts = {text.text for text in root.iter(f"{space}text")}
    assert {*NODES, "GeneratedPayloadSamples", "ModelRegistration"} <= texts
    assert drawn.count("http") == 1  # the name of its own language


@pytest.mark.parametrize("name", ['<script>alert("x")</script>', "a & b", 'quo"te', "x" * 60])
def test_names_are_text_whatever_they_hold(name: str, configs: dict[str, StepConfig]) -> None:
    dag = PipelineDAG([name])
    template = PipelineBuilderTemplate(dag, {name: configs["data_load"]}, installed_step_builders())
    assert "<script" not in mermaid(template.plan())
    drawn = svg(template.plan())
    assert "<script" not in drawn
    assert ET.fromstring(drawn) is not None  # noqa: S314
