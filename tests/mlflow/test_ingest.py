"""A registry beside MLflow's own server: models that were logged there are fetched and kept."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.mlflow import servers


def test_a_model_logged_at_mlflows_server_outlives_it(their_url: str, tmp_path: Path) -> None:
    with httpx.Client(base_url=f"{their_url}/api/2.0", timeout=60) as theirs:
        experiment = theirs.post("/mlflow/experiments/create", json={"name": tmp_path.name}).json()
        asked = {"experiment_id": experiment["experiment_id"], "start_time": 1}
        run = theirs.post("/mlflow/runs/create", json=asked).json()["run"]["info"]
        asked = {**asked, "name": "model", "source_run_id": run["run_id"]}
        model = theirs.post("/mlflow/logged-models", json=asked).json()["model"]["info"]
        files = {"MLmodel": b"flavors: {}", "data/model weights.bin": b"weights" * 100_000}
        folders = [run["artifact_uri"] + "/model", model["artifact_uri"]]
        for folder in (uri.removeprefix("mlflow-artifacts:/") for uri in folders):
            for path, content in files.items():
                theirs.put(f"/mlflow-artifacts/artifacts/{folder}/{path}", content=content)
        environment = {"MUNIMENT_MLFLOW_INGEST": their_url, "MUNIMENT_MLFLOW_TRACKING": "off"}
        with (
            servers.ours(tmp_path, **environment) as server,
            httpx.Client(base_url=server.url, timeout=60) as ours,
        ):
            ours.post("/api/2.0/mlflow/registered-models/create", json={"name": "m"})
            sources = [
                {"source": f"runs:/{run['run_id']}/model", "run_id": run["run_id"]},
                {"source": folders[0], "run_id": run["run_id"]},
                {"source": f"models:/{model['model_id']}", "model_id": model["model_id"]},
                {"source": folders[1], "model_id": model["model_id"]},
            ]
            for number, source in enumerate(sources, start=1):
                asked = {"name": "m", **source}
                made = ours.post("/api/2.0/mlflow/model-versions/create", json=asked)
                assert made.status_code == 200, made.text
                for path, content in files.items():
                    got = ours.get(f"/api/v1/models/m/versions/{number}/files/{path}")
                    assert got.content == content
            totals = ours.get("/api/v1/storage").json()
            assert (totals["versions"], totals["stored_blobs"]) == (4, 3)
