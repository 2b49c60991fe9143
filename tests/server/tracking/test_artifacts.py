"""Files of runs: put through the artifact proxy, seen and fetched through MLflow's own calls."""

from __future__ import annotations

import httpx

from .conftest import Tracked

API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def put(client: httpx.Client, folder: str, path: str, content: bytes) -> None:
    root = folder.removeprefix("mlflow-artifacts:/")
    assert client.put(f"{PROXY}/{root}/{path}", content=content).status_code == 200


def test_files_of_a_run_are_listed_and_fetched(tracker: httpx.Client, run: dict[str, str]) -> None:
    put(tracker, run["artifact_uri"], "notes/a%20b.txt", b"0123456789")
    asked = {"run_id": run["run_id"]}
    listed = tracker.get(f"{API}/artifacts/list", params=asked).json()
    assert listed["root_uri"] == run["artifact_uri"]
    assert listed["files"] == [{"path": "notes", "is_dir": True}]
    inside = tracker.get(f"{API}/artifacts/list", params=asked | {"path": "notes"}).json()
    assert inside["files"] == [{"path": "notes/a b.txt", "is_dir": False, "file_size": 10}]
    path = {"path": "notes/a b.txt"}
    got = tracker.get("/get-artifact", params=asked | path)
    assert got.content == b"0123456789"
    assert got.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in got.headers["content-security-policy"]
    part = tracker.get("/get-artifact", params=asked | path, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")


def test_files_of_a_logged_model_are_listed_and_fetched(tracker: httpx.Client) -> None:
    made = tracker.post(f"{API}/logged-models", json={"experiment_id": "0", "name": "m"})
    info = made.json()["model"]["info"]
    put(tracker, info["artifact_uri"], "MLmodel", b"flavors: {}")
    model = f"2.0/mlflow/logged-models/{info['model_id']}/artifacts"
    (file,) = tracker.get(f"/api/{model}/directories").json()["files"]
    assert (file["path"], file["file_size"]) == ("MLmodel", 11)
    got = tracker.get(f"/ajax-api/{model}/files", params={"artifact_file_path": "MLmodel"})
    assert got.content == b"flavors: {}"


def test_what_is_not_there_is_told(tracker: httpx.Client, run: dict[str, str]) -> None:
    asked = {"run_id": run["run_id"], "path": "none"}
    assert tracker.get("/get-artifact", params=asked).status_code == 404
    assert tracker.get("/get-artifact", params=asked | {"run_id": "0" * 32}).status_code == 404
    assert tracker.get("/get-artifact", params={"path": "none"}).status_code == 400
    for path in ("../../x", "/etc/passwd", "%2e%2e/x"):
        refused = tracker.get("/get-artifact", params=asked | {"path": path})
        assert refused.status_code in (400, 404), path


def test_the_disk_of_the_server_is_no_place_for_artifacts(tracked: Tracked) -> None:
    secret = tracked.home / "muniment.db"
    with tracked.client("admin") as client:
        made = client.post(
            f"{API}/experiments/create",
            json={"name": "elsewhere", "artifact_location": f"file://{secret.parent}"},
        )
        assert made.status_code in (200, 400)
        if made.status_code == 400:
            return
        run = client.post(f"{API}/runs/create", json=made.json()).json()["run"]["info"]
        asked = {"run_id": run["run_id"], "path": "../../muniment.db"}
        assert client.get("/get-artifact", params=asked).status_code in (400, 404, 501)
        listed = client.get(f"{API}/artifacts/list", params={"run_id": run["run_id"]})
        assert listed.status_code >= 400
        assert "muniment.db" not in listed.text


def test_who_may_not_see_runs_gets_no_file_of_them(
    tracked: Tracked, tracker: httpx.Client, run: dict[str, str]
) -> None:
    put(tracker, run["artifact_uri"], "x", b"secret")
    for who in ("outsider", "narrow"):
        with tracked.client(who) as client:
            asked = {"run_id": run["run_id"], "path": "x"}
            assert client.get("/get-artifact", params=asked).status_code == 403
