"""Registered models, their tags and aliases, as MLflow's clients see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.domain.access import Grant, Narrowing, Role
from muniment.domain.changes import NewVersion
from tests.server.mlflow.registry import INVALID, MISSING, TAKEN, Registry
from tests.server.people import house

PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}


def test_a_model_shows_what_it_has_and_leaves_out_what_it_lacks(registry: Registry) -> None:
    bare = registry.model("bare")
    assert bare.keys() == {"name", "creation_timestamp", "last_updated_timestamp"}
    assert bare["creation_timestamp"] == bare["last_updated_timestamp"]
    tags = [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}, {"key": "empty"}]
    full = registry.model("full", description="d", tags=tags)
    assert full["description"] == "d"
    assert full["tags"] == [{"key": "k", "value": "2"}, {"key": "empty", "value": ""}]
    assert "description" not in registry.model("undescribed", description="")


def test_a_model_shows_the_latest_version_of_each_stage(registry: Registry) -> None:
    registry.model("m")
    for _ in range(4):
        registry.version("m")
    for version, stage in (("4", "Archived"), ("1", "Production"), ("2", "Production")):
        registry.do(
            "POST", "model-versions/transition-stage", name="m", version=version, stage=stage
        )
    for alias, version in (("zebra", "1"), ("ant", "4")):
        registry.do("POST", "registered-models/alias", name="m", alias=alias, version=version)
    model = registry.get_model("m")
    stages = [(v["version"], v["current_stage"]) for v in model["latest_versions"]]
    assert stages == [("2", "Production"), ("3", "None"), ("4", "Archived")]
    assert not any("aliases" in version for version in model["latest_versions"])
    assert model["aliases"] == [
        {"alias": "ant", "version": "4"},
        {"alias": "zebra", "version": "1"},
    ]
    [found] = registry.do("GET", "registered-models/search")["registered_models"]
    assert [v["current_stage"] for v in found.pop("latest_versions")] == [
        "Archived",
        "None",
        "Production",
    ]
    assert found == {k: v for k, v in model.items() if k != "latest_versions"}
    latest = registry.do("GET", "registered-models/get-latest-versions", name="m")
    assert [v.get("aliases") for v in latest["model_versions"]] == [None, None, ["ant"]]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_latest_versions_are_asked_for_by_stage(registry: Registry, method: str) -> None:
    registry.model("m")
    assert registry.do(method, "registered-models/get-latest-versions", name="m") == {}
    for _ in range(2):
        registry.version("m")
    registry.do("POST", "model-versions/transition-stage", name="m", version="2", stage="Staging")

    def latest(*stages: str) -> list[str]:
        found = registry.do(
            method, "registered-models/get-latest-versions", name="m", stages=list(stages)
        )
        return [v["version"] for v in found.get("model_versions", [])]

    assert latest() == ["1", "2"]
    assert latest("staging", "NONE", "none") == ["1", "2"]
    assert latest("Production") == []
    path = "registered-models/get-latest-versions"
    assert registry.refused(method, path, name="m", stages=["Staging", "moon"]) == INVALID
    assert registry.refused(method, path, name="missing") == MISSING


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", ".", "..", "..a"])
def test_names_that_no_model_has_are_refused_by_every_call(registry: Registry, name: str) -> None:
    named = {"name": name, "version": "1", "key": "k", "alias": "a", "stage": "None"}
    for method, path in (
        ("POST", "registered-models/create"),
        ("GET", "registered-models/get"),
        ("PATCH", "registered-models/update"),
        ("DELETE", "registered-models/delete"),
        ("POST", "registered-models/set-tag"),
        ("DELETE", "registered-models/delete-tag"),
        ("POST", "registered-models/alias"),
        ("GET", "registered-models/alias"),
        ("DELETE", "registered-models/alias"),
        ("POST", "registered-models/get-latest-versions"),
        ("POST", "model-versions/create"),
        ("GET", "model-versions/get"),
        ("PATCH", "model-versions/update"),
        ("DELETE", "model-versions/delete"),
        ("POST", "model-versions/transition-stage"),
        ("GET", "model-versions/get-download-uri"),
        ("POST", "model-versions/set-tag"),
        ("DELETE", "model-versions/delete-tag"),
    ):
        assert registry.refused(method, path, **named, source="s3://b/x") == INVALID, path
    registry.model("m")
    assert registry.refused("POST", "registered-models/rename", name="m", new_name=name) == INVALID


@pytest.mark.parametrize("name", ["ü", " lead", "it's", 'a"b', "100%", "a@b", "x" * 2_000, "a.b"])
def test_all_else_is_a_name(registry: Registry, name: str) -> None:
    registry.model(name)
    assert registry.get_model(name)["name"] == name
    registry.do("DELETE", "registered-models/delete", name=name)
    assert registry.refused("GET", "registered-models/get", name=name) == MISSING


def test_an_update_sets_or_clears_the_description_and_counts_even_if_it_is_the_old_one(
    registry: Registry,
) -> None:
    before = registry.model("m", description="old", tags=[{"key": "k", "value": "v"}])
    update = "registered-models/update"
    changed = registry.do("PATCH", update, name="m", description="old")["registered_model"]
    assert changed["last_updated_timestamp"] > before["last_updated_timestamp"]
    cleared = registry.do("PATCH", update, name="m")["registered_model"]
    assert "description" not in cleared
    assert cleared["tags"] == [{"key": "k", "value": "v"}]
    assert registry.refused("PATCH", update, name="missing", description="x") == MISSING


def test_a_rename_moves_all_that_belongs_to_the_model_and_counts_as_an_update_of_all(
    registry: Registry,
) -> None:
    registry.model("old", tags=[{"key": "k", "value": "v"}])
    before = registry.version("old", tags=[{"key": "k", "value": "v"}])
    registry.do("POST", "registered-models/alias", name="old", alias="a", version="1")
    rename = "registered-models/rename"
    for name, new_name in (("old", "old"), ("old", "new")):
        registry.do("POST", rename, name=name, new_name=new_name)
    model, version = registry.get_model("new"), registry.get_version("new", "1")
    assert version["aliases"] == ["a"]
    assert version["tags"] == model["tags"] == [{"key": "k", "value": "v"}]
    assert version["last_updated_timestamp"] == model["last_updated_timestamp"]
    assert version["last_updated_timestamp"] > before["last_updated_timestamp"]
    registry.model("old")
    assert registry.refused("POST", rename, name="old", new_name="new") == TAKEN
    assert registry.refused("POST", rename, name="missing", new_name="new") == MISSING
    assert registry.refused("POST", rename, name="new") == INVALID


def test_a_model_that_is_made_again_begins_with_version_1(registry: Registry) -> None:
    registry.model("m")
    registry.version("m")
    registry.version("m")
    assert registry.do("DELETE", "registered-models/delete", name="m") == {}
    assert registry.refused("DELETE", "registered-models/delete", name="m") == MISSING
    assert registry.refused("GET", "model-versions/get", name="m", version="1") == MISSING
    registry.model("m")
    assert registry.version("m")["version"] == "1"


def test_tags_are_set_and_removed_and_are_no_update(registry: Registry) -> None:
    before = registry.model("m")
    for fields in ({"key": "k", "value": "v"}, {"key": "k2"}, {"key": "k2", "value": "x"}):
        assert registry.do("POST", "registered-models/set-tag", name="m", **fields) == {}
    for key in ("k", "never there", "x" * 251):
        assert registry.do("DELETE", "registered-models/delete-tag", name="m", key=key) == {}
    after = registry.get_model("m")
    assert after == {**before, "tags": [{"key": "k2", "value": "x"}]}
    for path, method in (("set-tag", "POST"), ("delete-tag", "DELETE")):
        call = f"registered-models/{path}"
        for key in ("", "a;b", "/a", "a/", "a/../b", "..", "..."):
            assert registry.refused(method, call, name="m", key=key) == INVALID, key
        assert registry.refused(method, call, name="missing", key="k") == MISSING
    for long in ({"key": "k", "value": "x" * 100_001}, {"key": "x" * 251, "value": ""}):
        for name in ("m", "missing"):
            asked = {"name": name, **long}
            assert registry.refused("POST", "registered-models/set-tag", **asked) == INVALID


def test_typed_tags_are_shown_as_text(registry: Registry) -> None:
    tags = {"flag": True, "count": 3, "share": 0.5, "word": "x"}
    assert registry.client.post("/api/v1/models", json={"name": "m", "tags": tags}).is_success
    shown = {tag["key"]: tag["value"] for tag in registry.get_model("m")["tags"]}
    assert shown == {"flag": "true", "count": "3", "share": "0.5", "word": "x"}


# -- aliases -------------------------------------------------------------------------------------

ALIAS = "registered-models/alias"


@pytest.fixture
def three(registry: Registry) -> Registry:
    registry.model("m")
    for _ in range(3):
        registry.version("m")
    return registry


def test_an_alias_points_at_one_version_and_is_case_sensitive(three: Registry) -> None:
    for alias, version in (("champ", "1"), ("Champ", "2"), ("champ", "3")):
        assert three.do("POST", ALIAS, name="m", alias=alias, version=version) == {}
    assert three.do("GET", ALIAS, name="m", alias="champ")["model_version"]["version"] == "3"
    assert three.get_version("m", "2")["aliases"] == ["Champ"]
    assert three.do("DELETE", ALIAS, name="m", alias="champ") == {}
    assert three.do("DELETE", ALIAS, name="m", alias="champ") == {}
    assert three.refused("GET", ALIAS, name="m", alias="champ") == INVALID


@pytest.mark.parametrize(
    "alias", ["latest", "LATEST", "v1", "V12", "v１", "a b", "a.b", "", "x" * 256]
)
def test_some_words_can_be_no_alias(three: Registry, alias: str) -> None:
    assert three.refused("POST", ALIAS, name="m", alias=alias, version="1") == INVALID


@pytest.mark.parametrize(
    "alias", ["3", "0123abcdef" * 4, "sha256x", "v", "v1a", "ü", "-", "x" * 255]
)
def test_all_other_words_can(three: Registry, alias: str) -> None:
    assert three.do("POST", ALIAS, name="m", alias=alias, version="1") == {}
    assert three.do("GET", ALIAS, name="m", alias=alias)["model_version"]["version"] == "1"


def test_latest_is_the_highest_version(three: Registry) -> None:
    for alias in ("latest", "LATEST"):
        found = three.do("GET", ALIAS, name="m", alias=alias)["model_version"]
        assert found["version"] == "3"
    three.do("DELETE", "model-versions/delete", name="m", version="3")
    assert three.do("GET", ALIAS, name="m", alias="latest")["model_version"]["version"] == "2"
    three.model("empty")
    assert three.refused("GET", ALIAS, name="empty", alias="latest") == MISSING


def test_what_an_alias_lacks_is_told_apart(three: Registry) -> None:
    assert three.refused("GET", ALIAS, name="m", alias="v1") == INVALID
    assert three.refused("GET", ALIAS, name="missing", alias="a") == MISSING
    assert three.refused("GET", ALIAS, name="missing", alias="latest") == MISSING
    assert three.refused("DELETE", ALIAS, name="missing", alias="a") == MISSING
    assert three.refused("DELETE", ALIAS, name="m", alias="a b") == INVALID
    assert three.do("DELETE", ALIAS, name="m", alias="latest") == {}
    for version in ("4", "0"):
        assert three.refused("POST", ALIAS, name="m", alias="a", version=version) == MISSING
    for wrong in ("x", "", 1):
        assert three.refused("POST", ALIAS, name="m", alias="a", version=wrong) == INVALID


# -- the rules of the native face hold -----------------------------------------------------------


def test_a_protected_alias_is_not_moved_by_who_does_not_say_what_they_replace(
    tmp_path: Path,
) -> None:
    with house(tmp_path) as people:
        catalog = people.owner.catalog
        for _ in range(2):
            catalog.create_version("m", NewVersion(source_uri="s3://b/x"), create_model=True)
        catalog.set_alias("m", "champion", 1, protected=True)
        contributor = Registry(people.client, people.service("ci", Role.CONTRIBUTOR))
        approver = Registry(people.client, people.service("boss", Role.APPROVER))
        move = {"name": "m", "alias": "champion", "version": "2"}
        assert contributor.refused("POST", ALIAS, **move) == (403, "PERMISSION_DENIED")
        assert approver.refused("POST", ALIAS, **move) == INVALID
        delete = {"name": "m", "version": "1"}
        refused = contributor.refused("DELETE", "model-versions/delete", **delete)
        assert refused == (409, "RESOURCE_CONFLICT")


def test_who_is_limited_to_some_models_sees_no_other(tmp_path: Path) -> None:
    with house(tmp_path) as people:
        catalog = people.owner.catalog
        for name in ("fraud-a", "other"):
            new = NewVersion(source_uri="s3://b/x", run_id="r")
            catalog.create_version(name, new, create_model=True)
        people.person("nora")
        narrow = Grant.of_role(Role.CONTRIBUTOR, Narrowing(models="fraud-*"))
        people.owner.administration.add_grant("default", "user:nora", narrow)
        nora = Registry(people.client, people.token("nora"))
        assert nora.models() == ["fraud-a"]
        assert nora.versions("run_id = 'r'") == ["fraud-a/1"]
        assert nora.refused("GET", "registered-models/get", name="other") == MISSING
        assert nora.refused("GET", "model-versions/get", name="other", version="1") == MISSING
        path = "registered-models/get-latest-versions"
        assert nora.refused("GET", path, name="other") == MISSING


# -- prompts -------------------------------------------------------------------------------------


def test_prompts_and_models_have_one_namespace(registry: Registry) -> None:
    registry.model("p", tags=[PROMPT])
    assert registry.refused("POST", "registered-models/create", name="p") == TAKEN
    registry.model("m")
    assert registry.refused("POST", "registered-models/create", name="m", tags=[PROMPT]) == TAKEN


def test_prompts_are_found_only_by_who_asks_for_them(registry: Registry) -> None:
    registry.model("m")
    registry.model("p", tags=[PROMPT])
    registry.model("said-no", tags=[{**PROMPT, "value": "false"}])
    tag = "tags.`mlflow.prompt.is_prompt`"
    models = ["m", "said-no"]
    assert registry.models() == models
    assert registry.models(f"{tag} != 'true'") == models
    assert registry.models(f"{tag} = 'false'") == models
    assert registry.models(f"{tag} LIKE 't%'") == models
    assert registry.models(f"{tag} = 'true'") == ["p"]
    assert registry.models(f"name = 'p' AND {tag} != 'false'") == ["p"]
    assert registry.models("name = 'p'") == []
    assert registry.models(f"{tag} = 'true' AND {tag} != 'true'") == []  # as clients send it
    registry.version(
        "p", "dummy-source", tags=[PROMPT, {"key": "mlflow.prompt.text", "value": "hi"}]
    )
    assert registry.versions("name = 'p'") == []
    assert registry.versions(f"name = 'p' AND {tag} = 'true'") == ["p/1"]


def test_a_prompt_is_told_by_its_tag_and_keeps_its_text(registry: Registry) -> None:
    registry.model("p", tags=[PROMPT])
    text = {"key": "mlflow.prompt.text", "value": "x" * 100_000}
    made = registry.version("p", "dummy-source", tags=[PROMPT, text])
    assert text in made["tags"]
    too_long = {**text, "value": "x" * 100_001}
    fields = {"name": "p", "source": "dummy-source", "tags": [PROMPT, too_long]}
    assert registry.refused("POST", "model-versions/create", **fields) == INVALID
