"""`muniment mlflow doctor`: what it says of servers in several states, and of this environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.client import servers
from tests.client.servers import Answer, Request
from tests.mlflow.servers import official

FOUND = {"registered_models": []}


@pytest.fixture(autouse=True)
def no_mlflow_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))


def checks(result: Any) -> dict[str, str]:
    """Each check with its verdict."""
    return {check["check"]: check["verdict"] for check in result.json["checks"]}


def hint(result: Any, check: str) -> str:
    return str(next(one["hint"] for one in result.json["checks"] if one["check"] == check))


def message(result: Any, check: str) -> str:
    return str(next(one["message"] for one in result.json["checks"] if one["check"] == check))


def test_a_server_of_ours_passes(
    muniment: Command, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", server.url)
    found = muniment("mlflow", "doctor", "-o", "json")
    assert found.json["ok"] is True
    assert found.json["address"] == server.url
    assert "Muniment" in message(found, "server")
    assert "registry only" in message(found, "way of use")
    assert (
        checks(found)["plugin"] == checks(found)["registry"] == checks(found)["artifacts"] == "ok"
    )


def test_the_official_server_passes(
    muniment: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with official(tmp_path) as theirs:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", theirs.url)
        found = muniment("mlflow", "doctor", "-o", "json")
        assert "an MLflow server" in message(found, "server")
        assert "one server for everything" in message(found, "way of use")
        assert set(checks(found).values()) == {"ok", "warn"}
        assert checks(found)["pickles"] == "warn"

        plugin = muniment(
            "mlflow", "doctor", f"muniment+{theirs.url}", "--read-only", "-o", "json", code=1
        )
        assert checks(plugin)["plugin's server"] == "fail"
        assert "nothing was written" in message(plugin, "artifacts")


def test_a_page_lists_the_verdicts_with_hints(muniment: Command, server: servers.Server) -> None:
    page = muniment("mlflow", "doctor", server.url, "--read-only").out
    assert re.search(r"ok +reached", page)
    assert re.search(r"warn +way of use", page)
    assert f"→ export MLFLOW_REGISTRY_URI={server.url}" in page
    assert "0 fail." in page


def test_nothing_that_listens_is_a_failure(muniment: Command) -> None:
    found = muniment("mlflow", "doctor", "http://127.0.0.1:1", "-q", code=1)
    assert found.lines == ["reached"]


def test_what_speaks_another_language_is_no_server_of_mlflow(muniment: Command) -> None:
    page = Answer(body=b"<h1>Hello</h1>", headers={"Content-Type": "text/html"})
    with servers.scripted(lambda _request: page) as (url, _):
        found = muniment("mlflow", "doctor", url, "-o", "json", code=1)
    assert checks(found)["server"] == "warn"
    assert "no server of MLflow's protocol" in message(found, "registry")
    assert "artifacts" not in checks(found)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server with users, and a token."""
    home = str(tmp_path_factory.mktemp("guarded") / "home")

    def run(*args: str) -> str:
        command = [sys.executable, "-m", "muniment", *args, "-q"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    run("init", "--home", home, "--admin", "grace")
    token = run("token", "create", "--user", "grace", "--registry", home)
    started = servers.start(Path(home))
    yield started.url, token
    started.end()


def test_who_is_not_signed_in_is_told_what_to_set(
    muniment: Command, guarded: tuple[str, str]
) -> None:
    found = muniment("mlflow", "doctor", guarded[0], "-o", "json", code=1)
    assert "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME" in hint(found, "signed in")
    found = muniment("mlflow", "doctor", f"muniment+{guarded[0]}", "-o", "json", code=1)
    assert "MUNIMENT_TOKEN" in hint(found, "signed in")


@pytest.mark.parametrize(
    ("variable", "prefix"), [("MLFLOW_TRACKING_TOKEN", ""), ("MUNIMENT_TOKEN", "muniment+")]
)
def test_a_token_signs_in(
    muniment: Command,
    guarded: tuple[str, str],
    variable: str,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, token = guarded
    monkeypatch.setenv("MUNIMENT_REGISTRY", url)
    monkeypatch.setenv(variable, token)
    found = muniment("mlflow", "doctor", f"{prefix}{url}", "-o", "json")
    assert message(found, "signed in").endswith("as grace")
    monkeypatch.setenv(variable, "mun_wrong")
    found = muniment("mlflow", "doctor", f"{prefix}{url}", "-o", "json", code=1)
    assert variable in message(found, "signed in")
    assert "mun_wrong" not in found.out


def test_a_server_that_is_called_by_another_name_says_so(
    muniment: Command, server: servers.Server
) -> None:
    found = muniment("mlflow", "doctor", f"http://127.1:{server.port}", "-o", "json", code=1)
    assert "MUNIMENT_ALLOWED_HOSTS" in hint(found, "signed in")


def behind(request: Request, *, refuses_pages: bool = False) -> Answer:
    """A server behind a proxy, in a few strokes."""
    error: dict[str, object] = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No."}
    status = 200
    if "registered-models/get" in request.path:
        status = 404
    elif refuses_pages and "origin" in request.headers:
        status, error = 403, {"error_code": "PERMISSION_DENIED", "message": "Another site."}
    elif "mlflow-artifacts" in request.path or "experiments" in request.path:
        status, error = 501, {"error_code": "NOT_IMPLEMENTED", "message": "Not here."}
    return Answer.of(FOUND if status == 200 else error, status)


def test_a_registry_without_runs_and_artifacts_is_only_warned_of(muniment: Command) -> None:
    with servers.scripted(behind) as (url, _):
        found = muniment("mlflow", "doctor", url, "-o", "json")
    assert checks(found)["artifacts"] == checks(found)["tracking"] == "warn"
    assert found.json["ok"] is True


def test_a_proxy_that_hides_the_host_from_pages_is_found(muniment: Command) -> None:
    with servers.scripted(lambda request: behind(request, refuses_pages=True)) as (url, _):
        found = muniment("mlflow", "doctor", url, "-o", "json")
    assert checks(found)["pages"] == "warn"


def test_read_only_sends_no_file(muniment: Command, server: servers.Server) -> None:
    def script(request: Request) -> Answer:
        if "mlflow-artifacts" in request.path:
            return Answer.of({"files": []})
        return behind(request)

    with servers.scripted(script) as (url, seen):
        muniment("mlflow", "doctor", url, "--read-only")
    assert {request.method for request in seen if "artifacts" in request.path} == {"GET"}


def test_a_sign_in_page_in_the_way_is_found(muniment: Command) -> None:
    elsewhere = Answer(302, b"", {"Location": "https://login.example/"})
    with servers.scripted(lambda _request: elsewhere) as (url, _):
        found = muniment("mlflow", "doctor", url, "-o", "json", code=1)
    assert "login.example" in message(found, "registry")


@pytest.mark.parametrize(
    ("tracking", "registry", "verdict", "said"),
    [
        ("", "muniment+{url}", "ok", "the plugin"),
        ("sqlite:///x.db", "{url}", "ok", "registry only"),
        ("{url}", "", "ok", "one server for everything"),
        ("{url}", "http://127.0.0.1:1", "warn", "Runs go here"),
        ("", "", "warn", "Nothing in the environment"),
        ("muniment+{url}", "", "fail", "tracks no runs"),
    ],
)
def test_the_way_of_use_is_read_from_the_environment(
    muniment: Command,
    tracking: str,
    registry: str,
    verdict: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with servers.scripted(behind) as (url, _):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.format(url=url))
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", registry.format(url=url))
        code = 1 if verdict == "fail" or registry.startswith("muniment+") else 0
        found = muniment("mlflow", "doctor", url, "-o", "json", code=code)
    assert checks(found)["way of use"] == verdict
    assert said in message(found, "way of use")


def test_pickles_may_be_switched_off(muniment: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with servers.scripted(behind) as (url, _):
        assert checks(muniment("mlflow", "doctor", url, "-o", "json"))["pickles"] == "ok"


def test_a_folder_is_no_server(muniment: Command, tmp_path: Path) -> None:
    refused = muniment("mlflow", "doctor", tmp_path, code=2)
    assert "is not the address of a server" in refused.err


def test_without_mlflow_the_server_is_examined_all_the_same(
    tmp_path: Path, server: servers.Server
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith("mlflow"):
            (packages / entry.name).symlink_to(entry)
    source = Path(__file__).parents[2] / "src"
    script = f"""
import sys
sys.path[:0] = [{str(packages)!r}, {str(source)!r}]
from muniment.cli import main
sys.exit(main(["mlflow", "doctor", {server.url!r}, "--read-only"]))
"""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "MLflow is not installed here" in run.stdout
    assert re.search(r"ok +registry", run.stdout)
