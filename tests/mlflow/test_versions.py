"""Versions: numbers, creation, changes, stages, on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mlflow.twin import Twin

SOURCE = "s3://bucket/a"

NUMBERS: dict[str, Any] = {
    "text": "1",
    "integer": 1,
    "float": 1.0,
    "leading-zero": "01",
    "plus": "+1",
    "spaces": " 1 ",
    "newline": "1\n",
    "nbsp": "\u00a01",
    "underscore": "1_0",
    "zero": "0",
    "minus": "-1",
    "minus-zero": "-0",
    "missing": "7",
    "letters": "abc",
    "decimal": "1.0",
    "exponent": "1e0",
    "hex": "0x1",
    "latest": "latest",
    "alias": "@best",
    "empty": "",
    "space": " ",
    "huge": "9" * 30,
    "int32": "2147483648",
    "int64": "9223372036854775808",
    "arabic": "١",
    "superscript": "¹",
    "fullwidth": "１",
    "null": None,
    "true": True,
    "list": ["1"],
    "object": {},
    "infinity": "inf",
}


def model(twin: Twin, versions: int = 0, stem: str = "m") -> str:
    name = twin.name(stem)
    twin.post("registered-models/create", name=name).ok()
    for number in range(versions):
        twin.post("model-versions/create", name=name, source=f"{SOURCE}{number + 1}").ok()
    return name


@pytest.mark.parametrize("version", NUMBERS.values(), ids=NUMBERS)
def test_how_versions_are_numbered_in_requests(twin: Twin, version: object) -> None:
    name = model(twin, 2)
    if isinstance(version, str | int | float | None):
        twin.get("model-versions/get", name=name, version=version)
        twin.get("model-versions/get-download-uri", name=name, version=version)
    twin.patch("model-versions/update", name=name, version=version, description="words")
    twin.post("model-versions/transition-stage", name=name, version=version, stage="Staging")
    twin.post("model-versions/set-tag", name=name, version=version, key="a", value="b")
    twin.delete("model-versions/delete-tag", name=name, version=version, key="a")
    twin.post("registered-models/alias", name=name, alias="best", version=version)
    twin.get("registered-models/get", name=name)
    twin.delete("model-versions/delete", name=name, version=version)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="1")


def test_numbers_are_never_used_again(twin: Twin) -> None:
    name = model(twin, 3)
    twin.delete("model-versions/delete", name=name, version="2").ok()
    twin.post("model-versions/create", name=name, source=SOURCE)
    twin.delete("model-versions/delete", name=name, version="4").ok()
    twin.post("model-versions/create", name=name, source=SOURCE)
    twin.delete("model-versions/delete", name=name, version="5").ok()
    twin.delete("model-versions/delete", name=name, version="5")
    for number in "1345":
        twin.delete("model-versions/delete", name=name, version=number)
    twin.get("registered-models/get", name=name)
    twin.post("model-versions/create", name=name, source=SOURCE)
    twin.get("model-versions/search", filter=f"name='{name}'")


def test_a_deleted_version_is_gone_for_every_call(twin: Twin) -> None:
    name = model(twin, 2)
    twin.post("registered-models/alias", name=name, alias="best", version="2").ok()
    twin.post("registered-models/alias", name=name, alias="other", version="1").ok()
    twin.post("model-versions/transition-stage", name=name, version="2", stage="Production").ok()
    twin.delete("model-versions/delete", name=name, version="2").ok()
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/get", name=name, version="2")
    twin.get("model-versions/get-download-uri", name=name, version="2")
    twin.get("registered-models/alias", name=name, alias="best")
    twin.get("registered-models/alias", name=name, alias="latest")
    twin.patch("model-versions/update", name=name, version="2", description="x")
    twin.post("model-versions/transition-stage", name=name, version="2", stage="None")
    twin.post("registered-models/alias", name=name, alias="best", version="2")
    twin.post("registered-models/get-latest-versions", name=name)
    twin.get("model-versions/search", filter=f"name='{name}'")
    twin.delete("registered-models/alias", name=name, alias="best")


def test_everything_that_a_version_is_made_with_is_kept(twin: Twin) -> None:
    name = model(twin)
    twin.post(
        "model-versions/create",
        name=name,
        source=SOURCE,
        run_id="0123456789abcdef0123456789abcdef",
        run_link="https://example.com/run?x=1#y",
        description="words",
        tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
    )
    twin.get("model-versions/get", name=name, version="1")
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/search", filter=f"name='{name}'")
    twin.post("registered-models/get-latest-versions", name=name)
    twin.get("model-versions/get-download-uri", name=name, version="1")


FIELDS: dict[str, dict[str, Any]] = {
    f"{field}-{kind}": {field: value}
    for field in ("run_id", "run_link", "model_id", "user_id", "deployment_job_id")
    for kind, value in {
        "null": None,
        "empty": "",
        "space": " ",
        "unicode": "größe",
        "number": 1,
        "true": True,
        "list": ["a"],
        "object": {},
        "long": "x" * 501,
    }.items()
    if (field, kind) not in {("model_id", "space"), ("model_id", "unicode"), ("model_id", "long")}
}
FIELDS |= {
    "source-absent": {"source": None},
    "source-empty": {"source": ""},
    "source-space": {"source": " "},
    "source-number": {"source": 1},
    "source-list": {"source": [SOURCE]},
    "source-object": {"source": {}},
    "source-true": {"source": True},
    "unknown": {"whatever": {"a": 1}},
    "status": {"status": "PENDING_REGISTRATION"},
    "version": {"version": "7"},
    "params": {"model_params": [{"name": "a", "value": "b"}]},
    "metrics": {"model_metrics": [{"key": "a", "value": 1.0}]},
    "stage": {"current_stage": "Production"},
    "long-run-id": {"run_id": "r" * 5000},
    "long-run-link": {"run_link": "r" * 5000},
}


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_fields_of_new_versions(twin: Twin, fields: dict[str, Any]) -> None:
    name = model(twin)
    twin.post("model-versions/create", **{"name": name, "source": SOURCE, **fields})
    twin.get("model-versions/get", name=name, version="1")
    twin.get("registered-models/get", name=name)


def test_updates(twin: Twin) -> None:
    name = model(twin, 2)
    twin.patch("model-versions/update", name=name, version="1", description="words").ok()
    twin.get("registered-models/get", name=name)
    twin.patch("model-versions/update", name=name, version="1")
    twin.patch("model-versions/update", name=name)
    twin.patch("model-versions/update", version="1")
    twin.patch("model-versions/update", name=name, version="1", stage="Production")
    twin.patch("registered-models/update", name=name, description="words")
    twin.patch("registered-models/update", name=name)
    twin.patch("registered-models/update", description="words")
    twin.patch("registered-models/update", name=name, new_name="x")
    twin.get("registered-models/get", name=name)


# -- stages ----------------------------------------------------------------------------------------

STAGES: dict[str, Any] = {
    "none": "None",
    "staging": "Staging",
    "production": "Production",
    "archived": "Archived",
    "lower-none": "none",
    "lower": "staging",
    "upper": "PRODUCTION",
    "mixed": "aRCHIVED",
    "unknown": "Development",
    "space": " ",
    "padded": " Staging ",
    "newline": "Staging\n",
    "empty": "",
    "null": None,
    "number": 1,
    "list": ["Staging"],
    "true": True,
    "dotless": "Stagıng",
    "long-s": "ſtaging",
}
FLAGS: dict[str, Any] = {
    "absent": None,
    "true": True,
    "false": False,
    "text-true": "true",
    "text-True": "True",
    "one": 1,
    "zero": 0,
    "text-1": "1",
    "empty": "",
    "list": [],
    "object": {},
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_stages(twin: Twin, stage: object) -> None:
    name = model(twin, 2)
    for number in "12":
        twin.post("model-versions/transition-stage", name=name, version=number, stage=stage)
    twin.get("registered-models/get", name=name)
    twin.post(
        "model-versions/transition-stage",
        name=name,
        version="1",
        stage=stage,
        archive_existing_versions=True,
    )
    twin.get("model-versions/get", name=name, version="1")
    twin.get("model-versions/get", name=name, version="2")
    twin.post("registered-models/get-latest-versions", name=name, stages=[stage])
    if isinstance(stage, str):
        twin.get("registered-models/get-latest-versions", name=name, stages=stage)
        twin.get("registered-models/get-latest-versions", name=name, stages=[stage, "None"])
    twin.get("registered-models/get", name=name)


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS)
@pytest.mark.parametrize("stage", ["Production", "None", "Archived"])
def test_archiving_the_versions_that_were_there(twin: Twin, stage: str, flag: object) -> None:
    name = model(twin, 4)
    for number in "123":
        twin.post("model-versions/transition-stage", name=name, version=number, stage=stage).ok()
    twin.post(
        "model-versions/transition-stage",
        name=name,
        version="4",
        stage=stage,
        archive_existing_versions=flag,
    )
    for number in "1234":
        twin.get("model-versions/get", name=name, version=number)
    twin.get("registered-models/get", name=name)
    twin.get("model-versions/search", filter=f"name='{name}'")


def test_a_transition_that_fails_changes_nothing(twin: Twin) -> None:
    name = model(twin, 2)
    twin.post("model-versions/transition-stage", name=name, version="1", stage="Production").ok()
    for version, stage in (("9", "Production"), ("2", "Nowhere"), ("abc", "Production")):
        twin.post(
            "model-versions/transition-stage",
            name=name,
            version=version,
            stage=stage,
            archive_existing_versions=True,
        )
    twin.post("model-versions/transition-stage", name=name, version="1")
    twin.post("model-versions/transition-stage", name=name, stage="Production")
    twin.post("model-versions/transition-stage", version="1", stage="Production")
    twin.get("model-versions/get", name=name, version="1")
    twin.get("registered-models/get", name=name)


def test_a_transition_to_the_same_stage(twin: Twin) -> None:
    name = model(twin, 2)
    for _ in range(2):
        for number in "12":
            twin.post(
                "model-versions/transition-stage",
                name=name,
                version=number,
                stage="Staging",
                archive_existing_versions=number == "2",
            )
    twin.get("registered-models/get", name=name)


LATEST: dict[str, dict[str, Any]] = {
    "none": {},
    "empty": {"stages": []},
    "null": {"stages": None},
    "one": {"stages": ["Production"]},
    "case": {"stages": ["PRODUCTION", "staging"]},
    "twice": {"stages": ["Production", "Production"]},
    "twice-by-case": {"stages": ["Production", "production"]},
    "order": {"stages": ["Production", "None", "Staging"]},
    "reverse": {"stages": ["Staging", "None", "Production"]},
    "none-there": {"stages": ["Archived"]},
    "unknown": {"stages": ["Nowhere"]},
    "one-unknown": {"stages": ["Production", "Nowhere"]},
    "empty-text": {"stages": [""]},
    "text": {"stages": "Production"},
    "number": {"stages": 1},
    "numbers": {"stages": [1]},
    "object": {"stages": {}},
    "null-inside": {"stages": [None]},
    "all": {"stages": ["None", "Staging", "Production", "Archived"]},
}


@pytest.mark.parametrize("fields", LATEST.values(), ids=LATEST)
def test_latest_versions_of_stages(twin: Twin, fields: dict[str, Any]) -> None:
    name = model(twin, 7)
    stages = {"1": "Production", "2": "Staging", "4": "Production", "3": "Staging", "5": "None"}
    for number, stage in stages.items():
        twin.post("model-versions/transition-stage", name=name, version=number, stage=stage).ok()
    twin.post("registered-models/alias", name=name, alias="best", version="4").ok()
    twin.post("registered-models/get-latest-versions", name=name, **fields)
    if fields.get("stages") not in (None, {}):
        twin.get("registered-models/get-latest-versions", name=name, **fields)
    twin.call("GET", "registered-models/get-latest-versions", {"name": name, "stages": []})
    twin.get("registered-models/get", name=name)
    twin.post("registered-models/get-latest-versions", **fields)
