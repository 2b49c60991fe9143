"""Pipelines from the command line, before they run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

PIPELINE = """
from muniment.pipelines import *

dag = PipelineDAG(["train", "package"], [("train", "package")])
configs = {
    "train": CreatePytorchModelConfig(model_data="s3://bucket/model.tar.gz"),
    "package": MIMSPackagingConfig(),
}
template = PipelineBuilderTemplate(dag, configs, installed_step_builders(), role="r")

def make():
    return template

seven = 7
"""

pytestmark = pytest.mark.filterwarnings("default")  # those of the SDK are its own affair


@pytest.fixture(autouse=True)
def pipeline() -> Path:
    file = Path("fraud.py")  # in the folder of the test
    file.write_text(PIPELINE.replace("MIMSPackagingConfig()", "MIMSPackagingConfig(author='ada')"))
    return file


def test_compile_writes_a_definition_and_what_it_refers_to(muniment: Command) -> None:
    done = muniment("pipelines", "compile", "fraud.py", "--name", "fraud", "-o", "json").json
    assert (done["name"], done["steps"]) == ("fraud", ["train", "package"])
    definition = json.loads(Path(done["definition"]).read_text())
    assert [step["Type"] for step in definition["Steps"]] == ["Model", "Processing"]
    code = definition["Steps"][1]["Arguments"]["ProcessingInputs"][-1]["S3Input"]["S3Uri"]
    assert Path("pipeline", "s3", code.removeprefix("s3://")).is_file()


def test_plan_tells_scores_and_reasons(muniment: Command) -> None:
    out = muniment("pipelines", "plan", "fraud.py:make").out
    assert "model_input ←" in out
    assert "train.model_output" in out
    assert "type +0.40" in out
    assert "model_data ← the configuration" in out
    steps = muniment("pipelines", "plan", "fraud.py", "-o", "json").json["steps"]
    assert steps[1]["inputs"][0]["from"] == "train"
    assert muniment("pipelines", "plan", "fraud.py", "-q").lines == ["train", "package"]


def test_graph_draws_as_the_file_is_called(muniment: Command) -> None:
    assert muniment("pipelines", "graph", "fraud.py").lines[0] == "flowchart LR"
    muniment("pipelines", "graph", "fraud.py", "--to", "fraud.svg")
    assert Path("fraud.svg").read_text().startswith("<svg")
    muniment("pipelines", "graph", "fraud.py", "--form", "mermaid", "--to", "fraud.txt")
    assert Path("fraud.txt").read_text().startswith("flowchart")


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("none.py", 3, "no file 'none.py'"),
        ("fraud.py:other", 2, "no 'other'"),
        ("fraud.py:seven", 2, "is a int"),
    ],
)
def test_a_place_without_a_template_is_told(
    muniment: Command, place: str, code: int, said: str
) -> None:
    assert said in muniment("pipelines", "plan", place, code=code).err
