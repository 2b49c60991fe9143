"""The three forms in which results, and the two in which errors are written."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Command
from tests.client import servers


def test_json_is_what_the_api_answers(
    muniment: Command,
    server: servers.Server,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", server.url)
    name = f"model-{uuid.uuid4().hex[:8]}"
    muniment("push", name, model_folder, "--metric", "auc=0.93", "--alias", "champion")
    version = httpx.get(f"{server.url}/api/v1/models/{name}/versions/1").json()
    model = httpx.get(f"{server.url}/api/v1/models/{name}").json()
    shown = muniment("show", f"{name}/1", "-o", "json").json
    assert {file["path"] for file in shown.pop("files")} == {"config.json", "sub/weights.bin"}
    assert shown.pop("signed") == "unsigned"
    assert shown == version
    assert muniment("ls", name, "-o", "json").json == [version]
    page = muniment("show", name, "-o", "json").json
    assert page.pop("versions") == [version]
    assert page == model
    listed = muniment("ls", "--filter", f"name = '{name}'", "-o", "json").json
    assert listed == [model]


def test_every_looking_command_speaks_json_and_quietly(muniment: Command, pushed: str) -> None:
    for command in (
        ("ls",),
        ("ls", pushed),
        ("show", pushed),
        ("show", f"{pushed}/1"),
        ("log", pushed),
        ("search", "metrics.auc > 0"),
        ("diff", f"{pushed}/1", f"{pushed}/2"),
        ("alias", pushed),
        ("tag", f"{pushed}/1"),
        ("verify",),
        ("gc", "--dry-run"),
        ("config",),
        ("version",),
        ("pull", pushed),
    ):
        document = muniment(*command, "-o", "json")
        assert isinstance(document.json, dict | list)
        assert document.err == ""
        quiet = muniment(*command, "-q")
        assert quiet.err == ""
        assert all(line == line.strip() for line in quiet.lines)


def test_numbers_align_and_the_newest_comes_first(muniment: Command, pushed: str) -> None:
    header, second, first = muniment("ls", pushed).lines
    assert header.split() == ["VERSION", "LABEL", "ALIASES", "SIZE", "CREATED", "auc"]
    assert re.fullmatch(r" +2 +5\.0 KiB  (just now|\d+ s ago)  0\.95", second)
    assert re.fullmatch(r" +1  1\.0\.0  champion  5\.0 KiB  (just now|\d+ s ago)  0\.93", first)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_pages_fit_the_terminal(
    width: int, muniment: Command, pushed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    muniment("tag", pushed, *(f"a-rather-long-key-{n}=value" for n in range(20)))
    monkeypatch.setenv("COLUMNS", str(width))
    for command in (("ls",), ("ls", pushed), ("log", pushed), ("diff", pushed, f"{pushed}/1")):
        assert max(map(len, muniment(*command).lines)) <= width


def test_the_page_of_a_version_tells_what_is_known(muniment: Command, pushed: str) -> None:
    page = muniment("show", f"{pushed}@champion").out
    for expected in (
        r"fraud/1  1\.0\.0  READY  @champion",
        r"digest +sha256:[0-9a-f]{64}",
        r"size +5\.0 KiB in 2 files",
        r"Metrics\n  auc  0\.93",
        r"Params\n  depth  6",
        r"Tags\n  team  risk",
        r"  sub/weights\.bin +5\.0 KiB  [0-9a-f]{12}\n",
    ):
        assert re.search(expected, page), expected


def test_nothing_is_coloured_outside_a_terminal(muniment: Command, pushed: str) -> None:
    assert "\x1b" not in muniment("show", pushed).out
    assert "\x1b" not in muniment("show", "nope", code=3).err


def test_a_description_can_not_steer_the_terminal(muniment: Command, model_folder: Path) -> None:
    muniment("push", "m", model_folder, "--description", "\x1b[2J[bold]x[/]")
    page = muniment("show", "m/1").out
    assert r"\x1b[2J[bold]x[/]" in page
    assert "\x1b" not in page


def test_an_error_is_one_line_and_a_hint(muniment: Command, pushed: str) -> None:
    failed = muniment("show", "nope", code=3)
    assert failed.out == ""
    assert failed.err.splitlines() == [
        "error: There is no model 'nope'.",
        "hint: `muniment ls` lists the models.",
    ]


def test_an_error_is_an_object_if_json_is_asked_for(muniment: Command, pushed: str) -> None:
    failed = muniment("show", "nope", "-o", "json", code=3)
    error = json.loads(failed.err)["error"]
    assert (failed.out, error["code"]) == ("", "not_found")
    assert error["message"] == "There is no model 'nope'."
    for wrong in (("--output=json", "ls", "--nope"), ("ls", "-o", "json", "--nope")):
        assert json.loads(muniment(*wrong, code=2).err)["error"]["code"] == "usage"
    wrong_filter = json.loads(muniment("search", "auc >> 3", "-ojson", code=2).err)["error"]
    assert (wrong_filter["code"], wrong_filter["details"]["column"]) == ("invalid_filter", 1)


def test_a_wrong_filter_is_pointed_at(muniment: Command) -> None:
    lines = muniment("search", "metrics.auc >> 3", code=2).err.splitlines()
    assert lines[-2:] == ["metrics.auc >> 3", "            ^"]


def test_config_tells_what_is_in_force_and_why(
    muniment: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MUNIMENT_PORT", "9000")
    monkeypatch.setenv("MUNIMENT_REGISTRY", "http://ada:secret@127.0.0.1:1")
    (tmp_path / ".env").write_text("MUNIMENT_WORKERS=3\n")
    found = {one["name"]: one for one in muniment("config", "-o", "json").json}
    assert (found["port"]["value"], found["port"]["source"]) == (
        *("9000", "environment variable MUNIMENT_PORT"),
    )
    assert (found["workers"]["value"], found["workers"]["source"][:9]) == ("3", ".env file")
    assert found["registry"]["value"] == "http://***@127.0.0.1:1"
    assert (found["host"]["value"], found["host"]["source"]) == ("127.0.0.1", "default")
    (registry,) = [
        line
        for line in muniment("--registry", "./here", "config").lines
        if line.startswith("MUNIMENT_REGISTRY")
    ]
    assert registry.split() == ["MUNIMENT_REGISTRY", "./here", "argument"]
    assert "MUNIMENT_PORT=9000" in muniment("config", "-q").lines
