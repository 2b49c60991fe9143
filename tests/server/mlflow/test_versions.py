"""Model versions, their stages and tags, as MLflow's clients see them."""

from __future__ import annotations

import pytest

from tests.server.mlflow.registry import INVALID, MISSING, Registry

MOVE = "model-versions/transition-stage"


@pytest.fixture
def three(registry: Registry) -> Registry:
    registry.model("m")
    for _ in range(3):
        registry.version("m")
    return registry


def test_a_version_shows_its_texts_even_if_they_are_empty(registry: Registry) -> None:
    registry.model("m")
    bare = registry.version("m", "s3://bucket/a")
    times = {bare.pop("creation_timestamp"), bare.pop("last_updated_timestamp")}
    assert times == {registry.get_model("m")["last_updated_timestamp"]}
    assert bare == {
        "name": "m",
        "version": "1",
        "current_stage": "None",
        "description": "",
        "source": "s3://bucket/a",
        "run_id": "",
        "run_link": "",
        "status": "READY",
    }
    tags = [{"key": "k", "value": "v"}]
    full = registry.version(
        "m", "s3://bucket/b", run_id="r", run_link="l", description="d", tags=tags
    )
    assert full["version"] == "2"
    told = (full["run_id"], full["run_link"], full["description"], full["tags"])
    assert told == ("r", "l", "d", tags)
    assert registry.get_version("m", "2") == full
    uri = registry.do("GET", "model-versions/get-download-uri", name="m", version="2")
    assert uri == {"artifact_uri": "s3://bucket/b"}


def test_a_version_that_has_no_content_yet_says_so(registry: Registry) -> None:
    native = registry.client
    assert native.post("/api/v1/models", json={"name": "m"}).is_success
    assert native.post("/api/v1/models/m/versions", json={"pending": True}).is_success
    assert registry.get_version("m", "1")["status"] == "PENDING_REGISTRATION"
    failed = native.post("/api/v1/models/m/versions/1/fail", json={"message": "no disk"})
    assert failed.is_success
    version = registry.get_version("m", "1")
    assert (version["status"], version["status_message"]) == ("FAILED_REGISTRATION", "no disk")


@pytest.mark.parametrize("version", ["1", "01", "+1", " 1 ", "１"])
def test_a_number_may_be_written_in_many_ways(three: Registry, version: str) -> None:
    assert three.get_version("m", version)["version"] == "1"


@pytest.mark.parametrize("version", ["0", "-1", "4", "9" * 30, "-" + "9" * 30])
def test_a_number_that_no_version_has_is_not_found(three: Registry, version: str) -> None:
    for method, path in (
        ("GET", "get"),
        ("GET", "get-download-uri"),
        ("PATCH", "update"),
        ("DELETE", "delete"),
        ("POST", "transition-stage"),
        ("POST", "set-tag"),
        ("DELETE", "delete-tag"),
    ):
        fields = {"name": "m", "version": version, "stage": "Staging", "key": "k"}
        assert three.refused(method, f"model-versions/{path}", **fields) == MISSING, path


@pytest.mark.parametrize("version", ["abc", "1.0", "latest", "1e0", "", "9" * 5_000])
def test_what_is_no_number_is_refused(three: Registry, version: str) -> None:
    for name in ("m", "missing"):
        assert three.refused("GET", "model-versions/get", name=name, version=version) == INVALID


def test_a_number_is_sent_as_text(three: Registry) -> None:
    for method, path in (("PATCH", "update"), ("DELETE", "delete"), ("POST", "set-tag")):
        fields = {"name": "m", "version": 1, "key": "k"}
        assert three.refused(method, f"model-versions/{path}", **fields) == INVALID


def test_a_version_needs_a_model_and_a_source(registry: Registry) -> None:
    create = "model-versions/create"
    assert registry.refused("POST", create, name="missing", source="s3://b/x") == MISSING
    registry.model("m")
    for fields in ({"name": "m"}, {"name": "m", "source": ""}, {"source": "s3://b/x"}):
        assert registry.refused("POST", create, **fields) == INVALID
    bad = {"name": "m", "source": "s3://b/x", "tags": [{"key": "a//b", "value": "x"}]}
    assert registry.refused("POST", create, **bad) == INVALID
    assert registry.version("m")["version"] == "1"


def test_an_update_sets_or_clears_the_description_and_leaves_the_model_as_it_is(
    three: Registry,
) -> None:
    model = three.get_model("m")["last_updated_timestamp"]
    update = "model-versions/update"
    told = [
        three.do("PATCH", update, name="m", version="1", **fields)["model_version"]
        for fields in ({"description": "x"}, {"description": "x"}, {})
    ]
    assert [version["description"] for version in told] == ["x", "x", ""]
    times = [version["last_updated_timestamp"] for version in told]
    assert times == sorted(set(times))
    assert three.get_model("m")["last_updated_timestamp"] == model


def test_a_deleted_version_takes_its_aliases_along_and_its_number_stays_used(
    three: Registry,
) -> None:
    three.do("POST", "registered-models/alias", name="m", alias="a", version="3")
    before = three.get_model("m")["last_updated_timestamp"]
    assert three.do("DELETE", "model-versions/delete", name="m", version="3") == {}
    assert three.refused("DELETE", "model-versions/delete", name="m", version="3") == MISSING
    model = three.get_model("m")
    assert "aliases" not in model
    assert model["last_updated_timestamp"] > before
    assert three.version("m")["version"] == "4"


def test_tags_of_a_version_are_no_update(three: Registry) -> None:
    before = three.get_version("m", "1")
    for fields in ({"key": "k", "value": "v"}, {"key": "empty"}):
        assert three.do("POST", "model-versions/set-tag", name="m", version="1", **fields) == {}
    tags = [{"key": "k", "value": "v"}, {"key": "empty", "value": ""}]
    assert three.get_version("m", "1") == {**before, "tags": tags}
    for key in ("k", "never there", "empty"):
        fields = {"name": "m", "version": "1", "key": key}
        assert three.do("DELETE", "model-versions/delete-tag", **fields) == {}
    assert three.get_version("m", "1") == before
    for key in ("", "a;b", "../x"):
        fields = {"name": "m", "version": "1", "key": key}
        assert three.refused("POST", "model-versions/set-tag", **fields) == INVALID
        assert three.refused("DELETE", "model-versions/delete-tag", **fields) == INVALID
    for number in ("1", "99"):
        fields = {"name": "m", "version": number, "key": "k", "value": "x" * 100_001}
        assert three.refused("POST", "model-versions/set-tag", **fields) == INVALID


# -- stages --------------------------------------------------------------------------------------


def test_a_stage_is_written_in_any_case_and_shown_in_one(three: Registry) -> None:
    for written, shown in (("staging", "Staging"), ("PRODUCTION", "Production"), ("none", "None")):
        moved = three.do("POST", MOVE, name="m", version="1", stage=written)["model_version"]
        assert moved["current_stage"] == shown
    for wrong in (" staging", "moon", "", 3):
        assert three.refused("POST", MOVE, name="m", version="1", stage=wrong) == INVALID
    assert three.refused("POST", MOVE, name="missing", version="1", stage="Staging") == MISSING


def test_a_move_to_where_it_is_counts_as_an_update_of_version_and_model(three: Registry) -> None:
    times = []
    for _ in range(2):
        moved = three.do("POST", MOVE, name="m", version="1", stage="Staging")["model_version"]
        assert moved["last_updated_timestamp"] == three.get_model("m")["last_updated_timestamp"]
        times.append(moved["last_updated_timestamp"])
    assert times[0] < times[1]


def test_the_others_in_a_stage_are_archived_if_asked_to(three: Registry) -> None:
    for version in ("1", "2"):
        three.do("POST", MOVE, name="m", version=version, stage="Production")
    fields = {"name": "m", "version": "3", "stage": "production"}
    three.do("POST", MOVE, **fields, archive_existing_versions=True)
    stages = [three.get_version("m", v)["current_stage"] for v in ("1", "2", "3")]
    assert stages == ["Archived", "Archived", "Production"]


@pytest.mark.parametrize("stage", ["None", "archived"])
def test_nothing_is_archived_for_a_stage_where_nothing_is_in_use(
    three: Registry, stage: str
) -> None:
    fields = {"name": "m", "version": "1", "stage": stage, "archive_existing_versions": True}
    assert three.refused("POST", MOVE, **fields) == (500, "INTERNAL_ERROR")
    assert three.get_version("m", "1")["current_stage"] == "None"
