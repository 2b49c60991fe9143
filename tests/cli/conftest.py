"""The command, run in this process against a real registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from muniment.cli import main
from tests.client import servers


@dataclass
class Result:
    """What a run of the command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Command: TypeAlias = Callable[..., Result]


@pytest.fixture(autouse=True)
def quiet_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a cache and a registry of its own for each test; no width, no colours."""
    credentials = ("MUNIMENT_TOKEN", "MUNIMENT_USERNAME", "MUNIMENT_PASSWORD")
    for variable in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "MUNIMENT_WORKSPACE", *credentials):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MUNIMENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MUNIMENT_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def muniment(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command; `code` is the exit code that is expected."""

    def run(*args: object, code: int = 0) -> Result:
        capsys.readouterr()
        result = Result(main([str(arg) for arg in args]), *capsys.readouterr())
        assert result.code == code, (args, result)
        return result

    return run


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    started = servers.start(tmp_path_factory.mktemp("cli-registry") / "home")
    yield started
    started.end()


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """Two files to push."""
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text('{"depth": 6}')
    (folder / "sub" / "weights.bin").write_bytes(bytes(range(256)) * 20)
    return folder


@pytest.fixture
def pushed(muniment: Command, model_folder: Path) -> str:
    """A model with two versions; `champion` is the first."""
    muniment(
        *("push", "fraud", model_folder, "--label", "1.0.0", "--alias", "champion"),
        *("--tag", "team=risk", "--param", "depth=6", "--metric", "auc=0.93"),
    )
    (model_folder / "config.json").write_text('{"depth": 8}')
    muniment("push", "fraud", model_folder, "--param", "depth=8", "--metric", "auc=0.95")
    return "fraud"
