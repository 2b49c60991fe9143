"""When MLflow is loaded, and what becomes of its calls where it is not."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from muniment.errors import ConfigurationError
from muniment.server.app import create_app
from muniment.server.settings import Settings
from muniment.server.tracking import mount_of
from muniment.server.tracking.surface import operations
from tests.server.conftest import serving

from .conftest import PATIENCE, started

SEARCH = "/api/2.0/mlflow/experiments/search"

START = """
import sys
from pathlib import Path
from muniment.server.app import create_app
from muniment.server.settings import Settings
create_app(Settings(home=Path(sys.argv[1])))
print([name for name in ("mlflow", "flask", "pandas", "sqlalchemy.orm") if name in sys.modules])
"""

LOOK = """
import sys
from pathlib import Path
from muniment.errors import NotFound
from muniment.server.app import create_app
from muniment.server.tracking import Mount
from muniment.server.tracking.database import SqliteRuns

home = Path(sys.argv[1])
home.mkdir()
mount = Mount(SqliteRuns(home / "mlflow.db"))
assert not mount.in_use
assert mount.run("none") is None
assert mount.logged_model("m-none") is None
assert "mlflow" not in sys.modules

store = mount.official()._store
assert mount.official() is mount.official()
run = store.create_run("0", "ada", 1, [], "first")
assert mount.in_use
found = mount.run(run.info.run_id)
print(found.experiment_id, found.artifact_uri.replace(found.run_id, "RUN"))
assert mount.run("0" * 32) is None
assert mount.run("no id") is None
model = store.create_logged_model("0", "m", run.info.run_id)
known = mount.logged_model(model.model_id)
assert known.run_id == run.info.run_id
for _ in range(2):
    mount.link_version(model.model_id, "fraud", 3)
print(store.get_logged_model(model.model_id).tags["mlflow.modelVersions"])
try:
    mount.link_version("m-none", "fraud", 3)
except NotFound:
    print("not found")

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.telemetry.utils import is_telemetry_disabled
assert is_telemetry_disabled()
assert "mlflow.server.fastapi_app" not in sys.modules
for uri in ("/etc", "file:///etc", "s3://b/x", "http://h/x", "models:/m/1", "runs:/r/x", "dbfs:/x"):
    try:
        get_artifact_repository(uri)
    except MlflowException:
        continue
    print("reached", uri)
mount.close()
"""


def test_a_server_starts_without_a_look_at_mlflow(
    tmp_path: Path, python: Callable[..., str]
) -> None:
    assert python(START, str(tmp_path / "home")).strip() == "[]"


def test_requests_do_not_wait_for_mlflow_to_be_loaded(tmp_path: Path) -> None:
    with (
        started(tmp_path / "home") as url,
        httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client,
    ):
        first: list[int] = []
        asks = threading.Thread(
            target=lambda: first.append(client.post(SEARCH, json={"max_results": 1}).status_code)
        )
        asks.start()
        others = [client.get(path).status_code for path in ("/ready", "/api/v1/models") * 5]
        waited = not first
        asks.join()
    assert others == [200] * 10
    assert waited, "they were answered while MLflow was being loaded"
    assert first == [200]


def test_workers_that_begin_at_once_share_one_database(tmp_path: Path) -> None:
    answers: list[int] = []

    def begin(url: str) -> None:
        made = {"name": threading.current_thread().name}
        with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client:
            path = "/api/2.0/mlflow/experiments/create"
            answers.append(client.post(path, json=made).status_code)

    with started(tmp_path / "home", workers=2) as url:
        threads = [threading.Thread(target=begin, args=(url,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client:
            found = client.post(SEARCH, json={"max_results": 50}).json()["experiments"]
    assert answers == [200] * 12
    assert len(found) == 13  # and `Default`, once


def test_runs_and_logged_models_are_looked_up(tmp_path: Path, python: Callable[..., str]) -> None:
    assert python(LOOK, str(tmp_path / "home")).splitlines() == [
        "0 mlflow-artifacts:/0/RUN/artifacts",
        '[{"name": "fraud", "version": 3}]',
        "not found",
    ]


def test_off_is_told_to_whoever_asks(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path, mlflow_tracking="off"))
    with serving(app) as client:
        answer = client.post(SEARCH, json={})
        assert "experiments" not in client.get("/").text
        assert client.get("/mlflow/").status_code == 501
    assert answer.status_code == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert "MUNIMENT_MLFLOW_TRACKING" in answer.json()["message"]


def test_without_the_extra_every_call_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with serving(create_app(Settings(home=tmp_path))) as client:
        for operation in operations():
            answer = client.request(operation.method, operation.path.replace("{", "%7B"))
            assert answer.status_code in (404, 501)
        answer = client.post("/v1/traces", content=b"")
    assert answer.status_code == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert "muniment[mlflow]" in answer.json()["message"]


def test_on_without_the_extra_stops_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flask", None)  # as with mlflow-skinny
    with pytest.raises(ConfigurationError, match="muniment\\[mlflow\\]"):
        mount_of(Settings(home=tmp_path, mlflow_tracking="on"))
    assert mount_of(Settings(home=tmp_path, mlflow_tracking="auto")) is None


def test_on_with_it_is_as_auto(tmp_path: Path) -> None:
    mount = mount_of(Settings(home=tmp_path, mlflow_tracking="on"))
    assert mount is not None
    mount.close()
