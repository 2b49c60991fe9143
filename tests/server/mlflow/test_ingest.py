"""Fetching the bytes of registered models: from folders, and from servers that may mean ill."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from muniment.server.app import create_app
from muniment.server.settings import Settings
from tests.server.conftest import serving
from tests.server.mlflow.registry import INVALID, MISSING, Json, Registry

CONFLICT = (409, "RESOURCE_CONFLICT")
FOR_NOW = (503, "TEMPORARILY_UNAVAILABLE")
RUN, MODEL = "a" * 32, "m-" + "1" * 32


@contextmanager
def ingesting(home: Path, *places: str, **settings: Any) -> Iterator[Registry]:
    """Run a server that fetches from some places; yield its protocol, with a model `m`."""
    app = create_app(Settings(home=home, mlflow_tracking="off", mlflow_ingest=places, **settings))
    with serving(app) as client:
        registry = Registry(client, {})
        registry.model("m")
        yield registry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model in it, as a tracking server beside us keeps them."""
    model = tmp_path / "mlruns" / "0" / RUN / "artifacts" / "model"
    (model / "data").mkdir(parents=True)
    (model / "MLmodel").write_bytes(b"flavors: {}")
    (model / "data" / "weights").write_bytes(b"weights" * 300_000)
    return tmp_path / "mlruns"


@pytest.fixture
def registry(tmp_path: Path, folder: Path) -> Iterator[Registry]:
    with ingesting(tmp_path / "home", f"file://{folder}/") as registry:
        yield registry


def manifest(registry: Registry, number: int = 1) -> dict[str, int]:
    """Return the paths and sizes of the files of a version."""
    answer = registry.client.get(f"/api/v1/models/m/versions/{number}/manifest")
    assert answer.status_code == 200, answer.text
    return {file["path"]: file["size"] for file in answer.json()["files"]}


def is_pointer(registry: Registry, number: int = 1) -> bool:
    version: Json = registry.client.get(f"/api/v1/models/m/versions/{number}").json()
    return version["digest"] is None


def refused(registry: Registry, source: str, **fields: Any) -> tuple[int, str]:
    """Register a source that is refused; nothing may come of it."""
    refusal = registry.refused("POST", "model-versions/create", name="m", source=source, **fields)
    assert registry.versions("name = 'm'") == []
    return refusal


# -- folders -------------------------------------------------------------------------------------


def test_a_model_in_a_folder_is_fetched_and_sealed(registry: Registry, folder: Path) -> None:
    model = folder / "0" / RUN / "artifacts" / "model"
    for n, source in enumerate((str(model), model.as_uri(), f"{model}/"), start=1):
        assert registry.version("m", source, run_id=RUN)["source"] == source
        assert manifest(registry, n) == {"MLmodel": 11, "data/weights": 2_100_000}
    got = registry.client.get("/api/v1/models/m/versions/1/files/data/weights").content
    assert got == b"weights" * 300_000
    uri = registry.do("GET", "model-versions/get-download-uri", name="m", version="1")
    assert "/_muniment/versions/" in uri["artifact_uri"]


def test_a_path_beside_the_folder_stays_a_pointer(registry: Registry, folder: Path) -> None:
    beside = folder.parent / "mlruns-2"
    beside.mkdir()
    (beside / "secret").write_bytes(b"secret")
    outside = (str(beside), f"{folder}/../mlruns-2", "/etc", "relative", f"{folder.parent}")
    for n, source in enumerate(outside, start=1):
        registry.version("m", source)
        assert is_pointer(registry, n)


def test_nothing_is_where_nothing_is(registry: Registry, folder: Path) -> None:
    assert refused(registry, f"{folder}/nothing") == MISSING
    assert refused(registry, f"{folder}/0/{RUN}/artifacts/model/MLmodel") == MISSING


def test_an_empty_folder_makes_a_pointer(registry: Registry, folder: Path) -> None:
    (folder / "empty").mkdir()
    registry.version("m", f"{folder}/empty")
    assert is_pointer(registry)


@pytest.mark.parametrize("where", ["file", "folder", "above"])
def test_no_link_leads_out_of_the_folder(registry: Registry, folder: Path, where: str) -> None:
    secret = folder.parent / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    source = folder / "evil"
    if where == "above":
        source.symlink_to(secret)
        assert refused(registry, str(source)) == MISSING
        return
    source.mkdir()
    (source / "link").symlink_to(secret / "key" if where == "file" else secret)
    assert refused(registry, str(source)) == CONFLICT


def test_what_is_no_file_is_refused_and_not_waited_for(registry: Registry, folder: Path) -> None:
    (folder / "odd").mkdir()
    os.mkfifo(folder / "odd" / "pipe")
    assert refused(registry, f"{folder}/odd") == CONFLICT


def test_a_file_that_is_too_large_is_not_kept(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    with ingesting(home, f"file://{folder}", max_upload_bytes=1_000_000) as registry:
        assert refused(registry, f"{folder}/0/{RUN}/artifacts/model") == INVALID
        assert not list((home / "blobs" / "staging").iterdir())


def test_nothing_is_fetched_for_a_model_that_is_not_there(registry: Registry, folder: Path) -> None:
    before = registry.client.get("/api/v1/storage").json()
    asked = {"name": "nobody", "source": f"{folder}/0/{RUN}/artifacts/model"}
    assert registry.refused("POST", "model-versions/create", **asked) == MISSING
    assert registry.client.get("/api/v1/storage").json() == before


# -- servers -------------------------------------------------------------------------------------

Answer = Callable[[BaseHTTPRequestHandler], tuple[int, bytes]]


@contextmanager
def tracking(answer: Answer) -> Iterator[str]:
    """Run a server that answers as told; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = answer(self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status in (301, 302, 307):
                self.send_header("Location", content.decode())
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def artifacts(root: str, files: dict[str, bytes], *, token: str = "") -> Answer:
    """Return what a tracking server answers that keeps one run and one logged model at `root`."""

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        parts = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if token and request.headers["Authorization"] != f"Bearer {token}":
            return 401, b"{}"
        if parts.path == "/api/2.0/mlflow/runs/get" and query["run_id"] == RUN:
            return 200, json.dumps({"run": {"info": {"artifact_uri": root}}}).encode()
        if parts.path == f"/api/2.0/mlflow/logged-models/{MODEL}":
            return 200, json.dumps({"model": {"info": {"artifact_uri": root}}}).encode()
        proxy = "/api/2.0/mlflow-artifacts/artifacts"
        if parts.path == proxy:
            start = f"{query['path']}/"
            rests = [path[len(start) :] for path in files if path.startswith(start)]
            names = {rest.partition("/")[0]: "/" in rest for rest in rests}
            found = [{"path": name, "is_dir": is_dir} for name, is_dir in names.items()]
            return 200, json.dumps({"files": found}).encode()
        path = parts.path.removeprefix(f"{proxy}/")
        return (200, files[path]) if path in files else (404, b"{}")

    return answer


STORED = {"0/r/artifacts/model/MLmodel": b"flavors: {}", "0/r/artifacts/model/data/w": b"weights"}
FOUND = {"MLmodel": 11, "data/w": 7}


@pytest.mark.parametrize("root", ["mlflow-artifacts:/0/r/artifacts", "{url}{proxy}/0/r/artifacts"])
def test_a_model_at_another_server_is_fetched_and_sealed(tmp_path: Path, root: str) -> None:
    answer: Answer = lambda request: (500, b"")  # noqa: E731
    with tracking(lambda request: answer(request)) as url:
        root = root.format(url=url, proxy="/api/2.0/mlflow-artifacts/artifacts")
        answer = artifacts(root, STORED)
        with ingesting(tmp_path / "home", url) as registry:
            registry.version("m", f"runs:/{RUN}/model", run_id=RUN)
            assert manifest(registry, 1) == FOUND
            registry.version("m", f"models:/{MODEL}", model_id=MODEL)
            assert manifest(registry, 2) == {f"model/{path}": n for path, n in FOUND.items()}
            if root.startswith("mlflow"):
                registry.version("m", f"{root}/model", run_id=RUN)
                assert manifest(registry, 3) == FOUND
                registry.version("m", f"{root}/model", model_id=MODEL)
                assert manifest(registry, 4) == FOUND


def test_what_no_server_knows_stays_a_pointer(tmp_path: Path) -> None:
    root = "mlflow-artifacts:/0/r/artifacts"
    with tracking(artifacts(root, STORED)) as url, ingesting(tmp_path / "home", url) as registry:
        registry.version("m", f"runs:/{'f' * 32}/model", run_id="f" * 32)
        registry.version("m", f"models:/m-{'f' * 32}", model_id="m-" + "f" * 32)
        registry.version("m", "mlflow-artifacts:/0/other/model", run_id=RUN)
        registry.version("m", "s3://bucket/model", run_id=RUN)
        registry.version("m", f"runs:/{RUN}/nothing", run_id=RUN)
        assert all(is_pointer(registry, n) for n in range(1, 6))


def test_the_second_server_is_asked_if_the_first_does_not_know(tmp_path: Path) -> None:
    root = "mlflow-artifacts:/0/r/artifacts"
    with (
        tracking(lambda request: (404, b"{}")) as first,
        tracking(artifacts(root, STORED)) as second,
        ingesting(tmp_path / "home", first, second) as registry,
    ):
        registry.version("m", f"runs:/{RUN}/model", run_id=RUN)
        assert manifest(registry) == FOUND


def test_a_server_that_keeps_its_files_in_a_folder_of_ours_is_read_from_there(
    tmp_path: Path, folder: Path
) -> None:
    root = f"{folder}/0/{RUN}/artifacts"
    with tracking(artifacts(root, {})) as url:
        with ingesting(tmp_path / "home", url, f"file://{folder}") as registry:
            registry.version("m", f"runs:/{RUN}/model", run_id=RUN)
            assert manifest(registry) == {"MLmodel": 11, "data/weights": 2_100_000}
        with ingesting(tmp_path / "other", url) as registry:
            registry.version("m", f"runs:/{RUN}/model", run_id=RUN)
            assert is_pointer(registry)


def test_a_server_may_ask_for_a_token(tmp_path: Path) -> None:
    root = "mlflow-artifacts:/0/r/artifacts"
    with tracking(artifacts(root, STORED, token="s3cret")) as url:
        with ingesting(tmp_path / "home", url, mlflow_ingest_token="s3cret") as registry:
            registry.version("m", f"runs:/{RUN}/model", run_id=RUN)
            assert manifest(registry) == FOUND
        with ingesting(tmp_path / "other", url) as registry:
            assert refused(registry, f"runs:/{RUN}/model", run_id=RUN) == CONFLICT


def test_a_server_that_is_not_there_is_an_error_and_nothing_else(tmp_path: Path) -> None:
    with tracking(lambda request: (404, b"{}")) as url:
        pass
    with ingesting(tmp_path / "home", url) as registry:
        assert refused(registry, f"runs:/{RUN}/model", run_id=RUN) == FOR_NOW


@pytest.mark.parametrize(
    ("status", "content", "refusal"),
    [
        (302, b"http://169.254.169.254/latest/meta-data", CONFLICT),
        (307, b"/elsewhere", CONFLICT),
        (403, b"{}", CONFLICT),
        (503, b"{}", FOR_NOW),
        (200, b"<html>not JSON</html>", FOR_NOW),
    ],
)
def test_a_server_that_does_not_answer_as_it_should_is_an_error(
    tmp_path: Path, status: int, content: bytes, refusal: tuple[int, str]
) -> None:
    with (
        tracking(lambda request: (status, content)) as url,
        ingesting(tmp_path / "home", url) as registry,
    ):
        assert refused(registry, f"runs:/{RUN}/model", run_id=RUN) == refusal


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "..", "a\\b", "", 7, None])
def test_a_server_can_not_name_files_as_it_likes(tmp_path: Path, name: object) -> None:
    root = "mlflow-artifacts:/0/r/artifacts"
    kept = artifacts(root, STORED)

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        if request.path.startswith("/api/2.0/mlflow-artifacts/artifacts?"):
            return 200, json.dumps({"files": [{"path": name, "is_dir": False}]}).encode()
        return kept(request)

    with tracking(answer) as url, ingesting(tmp_path / "home", url) as registry:
        assert refused(registry, f"runs:/{RUN}/model", run_id=RUN) == INVALID


def test_a_file_that_breaks_off_makes_nothing(tmp_path: Path) -> None:
    root = "mlflow-artifacts:/0/r/artifacts"
    kept = artifacts(root, STORED)

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        return (404, b"") if request.path.endswith("data/w") else kept(request)

    with tracking(answer) as url, ingesting(tmp_path / "home", url) as registry:
        assert refused(registry, f"runs:/{RUN}/model", run_id=RUN) == CONFLICT
