"""Where the files of a version come from, and from where clients get them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from muniment.errors import NotFound
from muniment.server.app import create_app
from muniment.server.settings import Settings
from muniment.server.tracking.lookups import TrackedModel, TrackedRun
from tests.server.conftest import serving
from tests.server.mlflow.registry import INVALID, MISSING, Json, Registry

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
RUN, OTHER = "a" * 32, "b" * 32
ROOT = f"mlflow-artifacts:/0/{RUN}/artifacts"
MODEL, LONELY = "m-" + "1" * 32, "m-" + "2" * 32
MODEL_ROOT = f"mlflow-artifacts:/0/models/{MODEL}/artifacts"


class Logged:
    """Runs and logged models, as a server keeps them that has loaded MLflow."""

    in_use = True

    def __init__(self) -> None:
        self.roots = {RUN: ROOT, OTHER: "s3://elsewhere/other", "local": "file:///srv/local"}
        self.models = {MODEL: (MODEL_ROOT, RUN), LONELY: ("s3://elsewhere/lonely", None)}
        self.linked: list[tuple[str, str, int]] = []

    def run(self, run_id: str) -> TrackedRun | None:
        root = self.roots.get(run_id)
        return None if root is None else TrackedRun(run_id, "0", root)

    def logged_model(self, model_id: str) -> TrackedModel | None:
        root, run_id = self.models.get(model_id, (None, None))
        return None if root is None else TrackedModel(model_id, "0", root, run_id)

    def link_version(self, model_id: str, name: str, version: int) -> None:
        if model_id not in self.models:
            raise NotFound("There is none.")
        self.linked.append((model_id, name, version))

    def close(self) -> None: ...


@pytest.fixture
def logged(app: FastAPI) -> Logged:
    tracking = app.state.tracking = Logged()
    return tracking


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Registry]:
    """A server that keeps no runs."""
    settings = Settings(home=tmp_path / "apart", mlflow_tracking="off")
    with serving(create_app(settings)) as client:
        registry = Registry(client, {})
        registry.model("m")
        yield registry


@pytest.fixture
def here(logged: Logged, registry: Registry) -> Registry:
    """A server at which runs are logged, with a model `m`."""
    registry.model("m")
    return registry


def put(registry: Registry, uri: str, content: bytes = b"weights") -> None:
    path = uri.partition(":/")[2]
    assert registry.client.put(f"{PROXY}/{path}", content=content).status_code == 200


def native(registry: Registry, number: int, model: str = "m") -> Json:
    document: Json = registry.client.get(f"/api/v1/models/{model}/versions/{number}").json()
    return document


def download_uri(registry: Registry, number: int, model: str = "m") -> str:
    document = registry.do(
        "GET", "model-versions/get-download-uri", name=model, version=str(number)
    )
    uri: str = document["artifact_uri"]
    return uri


def create(registry: Registry, source: str, **fields: Any) -> Json:
    return registry.version("m", source, **fields)


def refused(registry: Registry, source: str, **fields: Any) -> tuple[int, str]:
    return registry.refused("POST", "model-versions/create", name="m", source=source, **fields)


# -- runs elsewhere ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("s3://bucket/model", {}),
        ("s3://bucket/model", {"run_id": RUN, "model_id": MODEL}),
        (f"runs:/{RUN}/model", {"run_id": RUN}),
        (f"models:/{MODEL}", {"model_id": MODEL}),
        ("/home/ada/mlruns/0/model", {}),
        ("file:///home/ada/mlruns/0/model", {"run_id": RUN}),
        ("relative/model", {"model_id": MODEL}),
        (f"{ROOT}/model", {"run_id": RUN}),
        (MODEL_ROOT, {"model_id": MODEL}),
    ],
)
def test_a_source_that_only_the_callers_tracking_server_knows_is_a_pointer(
    apart: Registry, source: str, fields: Json
) -> None:
    version = create(apart, source, **fields)
    assert (version["source"], version["run_id"]) == (source, fields.get("run_id", ""))
    assert (native(apart, 1)["digest"], native(apart, 1)["location"]) == (None, "")
    assert download_uri(apart, 1) == source


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        (f"runs:/{RUN}/model", {}),
        (f"runs:/{RUN}/model", {"run_id": OTHER}),
        (f"runs:/{RUN}/model", {"run_id": RUN, "model_id": MODEL}),
        (f"models:/{MODEL}", {}),
        (f"models:/{MODEL}", {"run_id": RUN}),
        (f"models:/{MODEL}", {"model_id": LONELY}),
        ("mlflow-artifacts:/0/x", {}),
        ("http://tracking/model", {"run_id": RUN}),
        ("s3://b/../x", {}),
    ],
)
def test_a_source_that_nobody_can_have_is_refused_in_any_case(
    apart: Registry, here: Registry, source: str, fields: Json
) -> None:
    assert refused(apart, source, **fields) == INVALID
    assert refused(here, source, **fields) == INVALID


# -- runs here -----------------------------------------------------------------------------------


def test_registering_a_run_that_was_logged_here_seals_the_version(here: Registry) -> None:
    put(here, f"{ROOT}/model/MLmodel", b"flavors: {}")
    put(here, f"{ROOT}/model/data/weights", b"weights")
    put(here, f"{ROOT}/metrics.json", b"{}")
    for n, source in enumerate((f"runs:/{RUN}/model", f"{ROOT}/model"), start=1):
        assert create(here, source, run_id=RUN)["source"] == source
        version = native(here, n)
        assert (version["file_count"], version["size"]) == (2, 18)
        assert (version["status"], version["location"]) == ("READY", "")
        assert download_uri(here, n) == source


def test_registering_a_logged_model_seals_links_and_inherits_the_run(
    here: Registry, logged: Logged
) -> None:
    put(here, f"{MODEL_ROOT}/MLmodel")
    assert create(here, f"models:/{MODEL}", model_id=MODEL)["run_id"] == RUN
    assert native(here, 1)["file_count"] == 1
    assert native(here, 1)["location"] == download_uri(here, 1) == MODEL_ROOT
    assert create(here, f"models:/{MODEL}", model_id=MODEL, run_id=OTHER)["run_id"] == OTHER
    assert create(here, "s3://b/k", model_id=MODEL)["run_id"] == RUN
    assert logged.linked == [(MODEL, "m", 1), (MODEL, "m", 2), (MODEL, "m", 3)]


def test_a_folder_without_files_makes_a_pointer(here: Registry) -> None:
    create(here, f"runs:/{RUN}/model", run_id=RUN)
    create(here, f"models:/{MODEL}", model_id=MODEL)
    assert native(here, 1)["digest"] is native(here, 2)["digest"] is None
    assert download_uri(here, 1) == f"runs:/{RUN}/model"
    assert download_uri(here, 2) == MODEL_ROOT


def test_a_run_whose_files_are_not_here_makes_a_pointer(here: Registry) -> None:
    create(here, f"runs:/{OTHER}/model", run_id=OTHER)
    create(here, f"models:/{LONELY}", model_id=LONELY)
    assert native(here, 1)["digest"] is native(here, 2)["digest"] is None
    assert download_uri(here, 2) == "s3://elsewhere/lonely"


def test_a_local_path_must_lie_in_the_local_folder_of_its_run(here: Registry) -> None:
    create(here, "/srv/local/model", run_id="local")
    create(here, "file:///srv/local", run_id="local")
    for source, fields in (
        ("/srv/local/model", {}),
        ("/srv/local/model", {"run_id": RUN}),
        ("/srv/local/model", {"run_id": "f" * 32}),
        ("/srv/local/model", {"model_id": "m-" + "f" * 32}),
        ("/srv/local/../etc", {"run_id": "local"}),
        ("/etc", {"run_id": "local"}),
    ):
        assert refused(here, source, **fields) == INVALID


def test_what_reads_as_a_place_here_must_be_one(here: Registry) -> None:
    for source, fields in (
        (f"{ROOT}x", {"run_id": RUN}),
        (f"{ROOT}/model", {"run_id": OTHER}),
        (f"{ROOT}/model", {"run_id": "f" * 32}),
        (f"{ROOT}/model", {"model_id": MODEL}),
        (MODEL_ROOT, {"run_id": RUN}),
        (MODEL_ROOT, {"model_id": "m-" + "f" * 32}),
    ):
        assert refused(here, source, **fields) == INVALID
    assert refused(here, "s3://b/k", model_id="m-" + "f" * 32) == MISSING


def test_a_run_or_logged_model_of_another_server_is_a_pointer_here_too(here: Registry) -> None:
    create(here, "runs:/" + "f" * 32 + "/model", run_id="f" * 32)
    create(here, "models:/m-" + "f" * 32, model_id="m-" + "f" * 32)
    assert download_uri(here, 2) == "models:/m-" + "f" * 32


def test_a_refused_source_makes_nothing(here: Registry) -> None:
    refused(here, "http://x/y")
    assert here.versions("name = 'm'") == []


# -- what becomes of a sealed version ------------------------------------------------------------


def files_at(registry: Registry, uri: str) -> dict[str, bytes]:
    """Return what a client downloads from an address of this server."""
    root = uri.partition(f"{PROXY}/")[2] or uri.partition("mlflow-artifacts:/")[2]
    found: dict[str, bytes] = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        listed = registry.client.get(PROXY, params={"path": f"{root}/{folder}".rstrip("/")}).json()
        for item in listed.get("files", []):
            path = f"{folder}/{item['path']}".lstrip("/")
            if item["is_dir"]:
                folders.append(path)
            else:
                found[path] = registry.client.get(f"{PROXY}/{root}/{path}").content
                assert len(found[path]) == item["file_size"]
    return found


@pytest.mark.parametrize("change", ["changed", "added to", "taken from", "deleted"])
def test_a_version_stays_whole_whatever_becomes_of_the_runs_files(
    here: Registry, change: str
) -> None:
    content = {"MLmodel": b"flavors: {}", "data/weights": b"weights"}
    for path, data in content.items():
        put(here, f"{ROOT}/model/{path}", data)
    create(here, f"{ROOT}/model", run_id=RUN)
    assert files_at(here, download_uri(here, 1)) == content
    folder = f"{PROXY}/0/{RUN}/artifacts/model"
    if change == "changed":
        put(here, f"{ROOT}/model/MLmodel", b"other")
    elif change == "added to":
        put(here, f"{ROOT}/model/more")
    elif change == "taken from":
        here.client.delete(f"{folder}/data")
    else:
        here.client.delete(folder)
    uri = download_uri(here, 1)
    assert uri.startswith("mlflow-artifacts:/_muniment/versions/")
    assert files_at(here, uri) == content
    here.do("POST", "registered-models/rename", name="m", new_name="n")
    assert files_at(here, download_uri(here, 1, "n")) == files_at(here, uri) == content


def test_a_version_that_was_pushed_natively_is_got_from_here(apart: Registry) -> None:
    apart.client.put("/api/v1/models/m/push/model.bin", content=b"weights")
    uri = download_uri(apart, 1)
    assert uri.startswith(f"http://127.0.0.1:8000{PROXY}/_muniment/versions/")
    assert files_at(apart, uri) == {"model.bin": b"weights"}


def test_a_version_that_is_not_ready_has_no_address(apart: Registry) -> None:
    apart.client.post("/api/v1/models/m/versions", json={"pending": True})
    where = {"name": "m", "version": "1"}
    assert apart.refused("GET", "model-versions/get-download-uri", **where) == INVALID
    assert refused(apart, "models:/m/1") == INVALID


# -- other versions ------------------------------------------------------------------------------


def test_a_version_of_another_version_shares_its_content(here: Registry) -> None:
    put(here, f"{ROOT}/model/weights")
    here.model("origin")
    here.version("origin", f"runs:/{RUN}/model", run_id=RUN)
    before = here.client.get("/api/v1/storage").json()
    copy = create(here, "models:/origin/1")
    assert (copy["source"], copy["run_id"]) == ("models:/origin/1", RUN)
    assert native(here, 1)["digest"] == native(here, 1, "origin")["digest"]
    assert native(here, 1)["location"] == download_uri(here, 1) == f"runs:/{RUN}/model"
    after = here.client.get("/api/v1/storage").json()
    assert after["stored_bytes"] == before["stored_bytes"]
    here.client.delete(f"{PROXY}/0/{RUN}")
    here.do("DELETE", "registered-models/delete", name="origin")
    assert files_at(here, download_uri(here, 1)) == {"weights": b"weights"}


def test_another_version_is_named_by_number_stage_alias_or_as_the_latest(apart: Registry) -> None:
    apart.model("origin")
    for n in (1, 2, 3):
        apart.version("origin", f"s3://bucket/{n}", run_id=f"run-{n}")
    where = {"name": "origin", "version": "1"}
    apart.do("POST", "model-versions/transition-stage", **where, stage="Staging")
    apart.do("POST", "registered-models/alias", **{**where, "alias": "champion", "version": "2"})
    named = {"/1": 1, "/01": 1, "/staging": 1, "@champion": 2, "/latest": 3, "@latest": 3}
    for n, (suffix, number) in enumerate(named.items(), start=1):
        version = create(apart, f"models:/origin{suffix}")
        assert version["source"] == f"models:/origin/{number}"
        assert version["run_id"] == f"run-{number}"
        assert download_uri(apart, n) == f"s3://bucket/{number}"


def test_a_version_that_is_not_there_can_be_no_source(apart: Registry) -> None:
    apart.model("origin")
    apart.version("origin")
    for source in ("models:/origin/9", "models:/origin/0", "models:/nobody/1", "models:/nobody@a"):
        assert refused(apart, source) == MISSING
    assert refused(apart, "models:/origin/Production") == MISSING
    for source in ("models:/origin@nobody", "models:/origin/nowhere", "models:/origin/1.0"):
        assert refused(apart, source) == INVALID


def test_the_run_of_another_version_can_only_be_repeated(apart: Registry) -> None:
    apart.model("origin")
    apart.version("origin", run_id="run-1")
    assert create(apart, "models:/origin/1", run_id="run-1")["run_id"] == "run-1"
    for fields in ({"run_id": "run-2"}, {"run_id": ""}, {"model_id": MODEL}):
        assert refused(apart, "models:/origin/1", **fields) == INVALID


def test_a_prompt_is_no_source_and_has_none(apart: Registry) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    apart.model("prompt", tags=tags)
    prompt = {"name": "prompt", "tags": tags}
    for source in ("dummy-source", "prompt-template"):
        apart.do("POST", "model-versions/create", source=source, **prompt)
    for source in ("s3://b/k", "http://x", "/tmp/x", "models:/m/1"):
        assert apart.refused("POST", "model-versions/create", source=source, **prompt) == INVALID
    assert refused(apart, "models:/prompt/1") == INVALID


def test_the_files_of_a_version_are_shown_on_pages(here: Registry) -> None:
    put(here, f"{ROOT}/model/MLmodel", b"flavors: {}")
    create(here, f"runs:/{RUN}/model", run_id=RUN)
    asked = {"name": "m", "version": "1", "path": "MLmodel"}
    answer: httpx.Response = here.client.get("/model-versions/get-artifact", params=asked)
    assert (answer.status_code, answer.content) == (200, b"flavors: {}")
    assert answer.headers["content-disposition"].startswith("attachment")
    for wrong, status in (
        ({"path": "nope"}, 404),
        ({"path": "../x"}, 400),
        ({"version": "9"}, 404),
    ):
        answer = here.client.get("/model-versions/get-artifact", params={**asked, **wrong})
        assert answer.status_code == status
