"""Prompts: models with a tag, that models' searches do not show, on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mlflow.twin import Twin

IS_PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}


def text(words: str) -> dict[str, str]:
    return {"key": "mlflow.prompt.text", "value": words}


def prompt(twin: Twin, stem: str = "p", versions: int = 2) -> str:
    name = twin.name(stem)
    twin.post("registered-models/create", name=name, tags=[IS_PROMPT]).ok()
    for number in range(versions):
        twin.post(
            "model-versions/create",
            name=name,
            source="dummy-source",
            tags=[IS_PROMPT, text(f"Say {{{{word}}}} {number}")],
        ).ok()
    return name


def test_a_prompt_is_kept_as_a_model(twin: Twin) -> None:
    name = prompt(twin)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")
    twin.get("model-versions/get-download-uri", name=name, version="1")
    twin.post("registered-models/alias", name=name, alias="best", version="1")
    twin.get("registered-models/alias", name=name, alias="best")
    twin.get("registered-models/alias", name=name, alias="latest")
    twin.post("registered-models/set-tag", name=name, key="team", value="a")
    twin.post("model-versions/set-tag", name=name, version="1", key="team", value="a")
    twin.delete("model-versions/delete-tag", name=name, version="1", key="team")
    twin.post("model-versions/transition-stage", name=name, version="1", stage="Production")
    twin.post("registered-models/get-latest-versions", name=name)
    twin.patch("model-versions/update", name=name, version="1", description="words")
    twin.get("registered-models/get", name=name)
    twin.delete("model-versions/delete", name=name, version="1")
    twin.post("registered-models/rename", name=name, new_name=twin.name("q"))
    twin.get("registered-models/get", name=twin.name("q"))
    twin.delete("registered-models/delete", name=twin.name("q"))


def test_prompts_and_models_share_their_names(twin: Twin) -> None:
    name = prompt(twin)
    twin.post("registered-models/create", name=name)
    twin.post("registered-models/create", name=name, tags=[IS_PROMPT])
    twin.post("model-versions/create", name=name, source="s3://bucket/a")
    model = twin.name("m")
    twin.post("registered-models/create", name=model)
    twin.post("registered-models/create", name=model, tags=[IS_PROMPT])
    twin.post("model-versions/create", name=model, source="s3://bucket/a", tags=[IS_PROMPT])
    twin.post("model-versions/create", name=model, source="dummy-source", tags=[IS_PROMPT])
    twin.get("registered-models/get", name=model)
    twin.get("registered-models/get", name=name)


SOURCES = (
    *("dummy-source", "prompt-template", "", "s3://bucket/a", "/tmp/x", "file:///tmp/x", "x"),
    *("http://host/a", "runs:/abc/model", "models:/none/1", "../x", "dummy-source/../x"),
    *("mlflow-artifacts:/a", "dummy-source ", "DUMMY-SOURCE", "prompt_template", "databricks"),
)
FLAGS: tuple[Any, ...] = ("true", "True", "TRUE", "false", "", "1", None)


@pytest.mark.parametrize("source", SOURCES)
def test_sources_of_prompts(twin: Twin, source: str) -> None:
    name = prompt(twin, versions=0)
    twin.post("model-versions/create", name=name, source=source, tags=[IS_PROMPT, text("a")])
    twin.post("model-versions/create", name=name, source=source, tags=[IS_PROMPT])
    twin.get("model-versions/get-download-uri", name=name, version="1")
    twin.get("model-versions/get-download-uri", name=name, version="2")


@pytest.mark.parametrize("flag", FLAGS, ids=str)
def test_what_makes_a_prompt(twin: Twin, flag: Any) -> None:
    name = twin.name()
    tags = [{"key": "mlflow.prompt.is_prompt", "value": flag}]
    twin.post("registered-models/create", name=name, tags=tags)
    twin.post("model-versions/create", name=name, source="s3://bucket/a", tags=[*tags, text("a")])
    twin.post("model-versions/create", name=name, source="models:/none/1", tags=tags)
    ours = f"name LIKE '{twin.unique}%'"
    twin.get("registered-models/search", filter=ours)
    for operator in ("=", "!="):
        for value in ("true", "True", "false", ""):
            clause = f"tags.`mlflow.prompt.is_prompt` {operator} '{value}'"
            twin.get("registered-models/search", filter=f"{ours} AND {clause}")
            twin.get("registered-models/search", filter=f"{clause} AND {ours}")
            twin.get("model-versions/search", filter=f"{ours} AND {clause}")


@pytest.mark.parametrize("length", [1, 5000, 5001, 100_000, 100_001])
def test_long_prompts(twin: Twin, length: int) -> None:
    name = prompt(twin, versions=0)
    for letter in "aé":
        twin.post(
            "model-versions/create",
            name=name,
            source="dummy-source",
            tags=[IS_PROMPT, text(letter * length)],
        )
    twin.get("model-versions/get", name=name, version="1")
    twin.post(
        "model-versions/set-tag",
        name=name,
        version="1",
        key="mlflow.prompt.text",
        value="é" * length,
    )


def test_a_model_becomes_a_prompt_and_back(twin: Twin) -> None:
    name = twin.name()
    ours = f"name = '{name}'"
    clause = "tag.`mlflow.prompt.is_prompt` != 'true'"
    twin.post("registered-models/create", name=name).ok()
    for value in ("true", "false", "true"):
        twin.get("registered-models/search", filter=f"{ours} AND {clause}")
        twin.get("registered-models/search", filter=ours)
        twin.post(
            "registered-models/set-tag", name=name, key="mlflow.prompt.is_prompt", value=value
        )
    twin.post("model-versions/create", name=name, source="s3://bucket/a")
    twin.delete("registered-models/delete-tag", name=name, key="mlflow.prompt.is_prompt")
    twin.get("registered-models/search", filter=f"{ours} AND {clause}")
    twin.get("registered-models/search", filter=ours)
