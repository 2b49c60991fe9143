"""Stock clients, the newest and the oldest, do their work against our server.

Each story runs in processes of its own, one that keeps models and a fresh one that loads them, in
both ways of use: everything on our server (g2), or the registry alone, with runs and files in a
folder of the client's (g1).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORIES = Path(__file__).parent / "stories"
OLD = ROOT / ".venv-mlflow2" / "bin" / "python"
"""Made by `make oldest`, from requirements/mlflow2.lock."""


@dataclass(frozen=True)
class Client:
    """A stock client: its Python, and where it keeps runs that no server keeps."""

    python: Path
    tracking: str


CLIENTS = {
    "newest": Client(Path(sys.executable), "sqlite:///{folder}/runs.db"),
    "oldest": Client(OLD, "file://{folder}/mlruns"),
}


def tell(client: Client, story: str, name: str, folder: Path, **settings: str) -> None:
    """Run a story to its end. Raises AssertionError, with what it printed, if it fails."""
    quietly = {"GIT_PYTHON_REFRESH": "quiet", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quietly["SETUPTOOLS_USE_DISTUTILS"] = "stdlib"  # MLflow 2.0 mixes the two otherwise
    quietly |= {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "OMP_NUM_THREADS": "1"}
    quietly |= {"MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1"}  # autologging finds them out
    run = subprocess.run(
        [str(client.python), str(STORIES / f"{story}.py"), name, str(folder)],
        env={**os.environ, **quietly, **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr[-8000:]}"


@pytest.mark.parametrize("way", ["g1", "g2"])
@pytest.mark.parametrize("who", CLIENTS)
def test_a_story_from_training_to_serving(
    who: str, way: str, worker: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    client = CLIENTS[who]
    if not client.python.exists():
        pytest.skip("the environment of the oldest MLflow client is missing: `make oldest`")
    registry = request.getfixturevalue("our_url" if way == "g2" else "registry_url")
    tracking = registry if way == "g2" else client.tracking.format(folder=tmp_path)
    places = {"MLFLOW_TRACKING_URI": tracking, "MLFLOW_REGISTRY_URI": registry}
    name = f"{worker}{who}-{way}"
    tell(client, "keep", name, tmp_path, **places)
    tell(client, "use", name, tmp_path, **places)
