"""Two servers over one PostgreSQL: what is logged at one is found at the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.faults.serving import ServerProcess

from .conftest import PATIENCE


def test_servers_share_runs_and_make_their_tables_once(postgres_url: str, tmp_path: Path) -> None:
    variables = {"MUNIMENT_DATABASE": postgres_url, "MUNIMENT_BLOBS": str(tmp_path / "blobs")}
    with (
        ServerProcess(tmp_path, variables=variables) as one,
        ServerProcess(tmp_path, variables=variables) as other,
        ThreadPoolExecutor() as pool,
    ):

        def begin(url: str) -> str:
            path = f"{url}/api/2.0/mlflow/runs/create"
            made = httpx.post(path, json={"experiment_id": "0"}, timeout=PATIENCE)
            assert made.status_code == 200, made.text
            return str(made.json()["run"]["info"]["run_id"])

        runs = list(pool.map(begin, [one.url, other.url]))
        for url in (one.url, other.url):
            path = f"{url}/api/2.0/mlflow/runs/search"
            found = httpx.post(path, json={"experiment_ids": ["0"]}, timeout=PATIENCE).json()
            assert {run["info"]["run_id"] for run in found["runs"]} == set(runs)
        # A version that comes from one of them: the registry asks MLflow where its files lie.
        version = {"name": "m", "source": f"runs:/{runs[0]}/model", "run_id": runs[0]}
        api = f"{other.url}/api/2.0/mlflow"
        httpx.post(f"{api}/registered-models/create", json={"name": "m"})
        made = httpx.post(f"{api}/model-versions/create", json=version, timeout=PATIENCE)
        assert made.status_code == 200, made.text
        assert made.json()["model_version"]["run_id"] == runs[0]
