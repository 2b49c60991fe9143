"""The manual and the server say the same."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import httpx
import pytest

from muniment.server.classic_stores import VARIABLES
from muniment.server.settings import CLASSIC, Settings, describe_settings
from tests.client import servers

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = (DOCS / "settings.md").read_text("utf-8")
API = (DOCS / "api.md").read_text("utf-8")


def test_settings_md_has_every_setting_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUNIMENT_CHECKS_EVERY")  # off in tests
    rows = re.findall(r"^\| `(MUNIMENT_\w+)` \| (?:`(.*?)`)? ?\| (.+) \|$", SETTINGS, re.MULTILINE)
    assert [(variable, default) for variable, default, _ in rows] == [
        (setting.variable, setting.value) for setting in describe_settings()
    ]
    assert len(rows) == len(Settings.model_fields)


def test_settings_md_has_every_classic_name() -> None:
    for name in (*CLASSIC.values(), *VARIABLES, *chain(*VARIABLES.values())):
        assert f"`{name}`" in SETTINGS


def test_api_md_has_every_path_with_its_methods(client: httpx.Client) -> None:
    rows = re.findall(r"^\| `(/\S*)` \| ([A-Z ]+) \|", API, re.MULTILINE)
    written = {path: set(methods.split()) for path, methods in rows}
    assert len(written) == len(rows)
    served = {
        path: {method.upper() for method in item}
        for path, item in client.get("/openapi.json").json()["paths"].items()
    }
    for path in ("/health", "/ready"):
        written[path].remove("HEAD")  # served, and too little to be an operation of its own
    assert written == served


def test_the_commands_of_api_md_work_one_after_the_other(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("needs curl and bash")
    running = servers.start(tmp_path / "home")
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", API, re.DOTALL))
    script = f"""
        set -euo pipefail
        curl() {{ command curl --silent --show-error -w '%{{stderr}}%{{http_code}}\\n' "$@"; }}
        {commands.replace("http://127.0.0.1:8000", running.url)}
    """
    try:
        ran = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    finally:
        running.end()
    assert ran.returncode == 0, ran.stderr
    statuses = ran.stderr.split()
    assert len(statuses) == len(re.findall(r"\bcurl ", commands))
    assert [status for status in statuses if not status.startswith("2")] == ["404"]
    assert (tmp_path / "pulled.pkl").read_text() == "the bytes of a model"
