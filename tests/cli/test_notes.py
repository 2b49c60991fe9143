"""What is noted beside versions, and where they run, from the command."""

from __future__ import annotations

import re
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.client import servers


@pytest.fixture(params=["folder", "server"])
def name(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    muniment: Command,
    model_folder: Path,
) -> str:
    """A model with two versions, in a registry in a folder and in one behind a server."""
    if request.param == "server":
        started: servers.Server = request.getfixturevalue("server")
        monkeypatch.setenv("MUNIMENT_REGISTRY", started.url)
    model = f"model-{uuid.uuid4().hex[:8]}"
    muniment("push", model, model_folder, "--alias", "champion")
    muniment(
        *("push", model, model_folder, "--from", f"{model}/1", "--relation", "fine_tuned_from")
    )
    return model


def test_models_and_versions_are_described(name: str, muniment: Command) -> None:
    muniment("describe", name, "Disputed payments.")
    muniment("describe", f"{name}/1", "The first.")
    assert "Disputed payments." in muniment("show", name).out
    assert muniment("show", f"{name}/1", "-o", "json").json["description"] == "The first."
    muniment("describe", f"{name}/1", "")
    assert muniment("show", f"{name}/1", "-o", "json").json["description"] == ""


def test_comments_are_said_listed_changed_and_taken_back(name: str, muniment: Command) -> None:
    first = muniment("comment", f"{name}/1", "Looks good.", "-q").out.strip()
    muniment("comment", f"{name}/1", "Really?\n\nWhy?")
    assert "Looks good." in muniment("comment", f"{name}/1").out
    assert "  Really?\n  \n  Why?" in re.sub(r" +\n", "  \n", muniment("comment", f"{name}/1").out)
    muniment("comment", "--edit", first, "Looks very good.")
    texts = [c["text"] for c in muniment("comment", f"{name}/1", "-o", "json").json]
    assert texts == ["Looks very good.", "Really?\n\nWhy?"]
    muniment("comment", "--delete", first)
    assert "(deleted)" in muniment("comment", f"{name}/1").out
    assert muniment("comment", name).out == "No comments.\n"
    asked = muniment("request", f"{name}/1", "Staging", "-q").out.strip()
    muniment("comment", "--request", asked, "Why?")
    assert "Why?" in muniment("comment", "--request", asked).out
    for args, why in (
        ((), "What about?"),
        (("--edit", first), "What should it say?"),
        (("--delete", first, "x"), "no text"),
        (("--edit", first, "--delete", first), "One thing"),
        ((name, "x", "--request", asked), "by its id alone"),
        ((name, " "), "empty"),
    ):
        assert why in muniment("comment", *args, code=2).err


def test_results_of_checks_are_reported_and_listed(name: str, muniment: Command) -> None:
    assert muniment("check-result", f"{name}/1").out == "No checks.\n"
    muniment(
        *("check-result", f"{name}/1", "bias", "fail", "--finding", "worse for women"),
        *("--url", "https://ci.example.com/17"),
    )
    listed = muniment("check-result", f"{name}/1").out
    assert "worse for women" in listed
    muniment("check-result", f"{name}/1", "bias", "pass")
    assert muniment("check-result", f"{name}/1", "-q").lines == ["bias pass"]
    assert "What came out" in muniment("check-result", f"{name}/1", "bias", code=2).err
    assert muniment("check-result", f"{name}/1", "bias", "maybe", code=2).out == ""


def test_lineage_is_drawn_as_a_tree(name: str, muniment: Command) -> None:
    data = f"dataset:data-{name}"
    edge = muniment(
        *("link", f"{name}/1", data, "--name", "bookings", "--uri", "s3://lake/x"),
        *("--digest", "abc", "--property", "rows=1000", "-o", "json"),
    ).json
    assert edge["node"]["properties"] == {"rows": 1000}
    muniment("link", f"{name}/1", "run:8f1c", "-q")
    muniment("link", f"{name}/2", data, "--relation", "evaluated_on")
    assert muniment("lineage", f"{name}/2", "--up").lines == [
        f"{name}/2 came from",
        f"├─ fine tuned from {name}/1",
        "│  ├─ trained on dataset bookings s3://lake/x",
        "│  └─ produced by run 8f1c",
        "└─ evaluated on dataset bookings s3://lake/x",
    ]
    assert muniment("lineage", data).lines[0].endswith("led to")
    assert muniment("lineage", f"{name}/1", "--down").lines == [
        f"{name}/1 led to",
        f"└─ fine tuned from {name}/2",
    ]
    assert "nothing that is known" in muniment("lineage", f"{name}/2", "--down").out
    near = muniment("lineage", f"{name}/2", "--up", "--hops", 1, "-q").lines
    assert near == [f"{name}/1", data]
    muniment("unlink", edge["id"])
    assert "no edge" in muniment("unlink", edge["id"], code=3).err
    assert "says of itself" in muniment("link", f"{name}/2", f"{name}/1", "--uri", "x", code=2).err
    assert "came from" in muniment("link", f"{name}/1", f"{name}/2", code=4).err


def test_a_push_notes_its_commit_unless_told_otherwise(
    muniment: Command, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_GIT", "on")
    monkeypatch.chdir(model_folder)
    for command in ("init", "add .", "-c user.name=a -c user.email=a commit -m first"):
        subprocess.run(["git", *command.split()], check=True, capture_output=True)
    muniment("push", "fraud", "config.json", "--registry", "../registry")
    muniment("push", "fraud", "config.json", "--registry", "../registry", "--no-git")
    tree = muniment("lineage", "fraud/1", "--registry", "../registry").out
    assert re.search(r"└─ built from commit [0-9a-f]{12}\n", tree)
    assert "commit" not in muniment("lineage", "fraud/2", "--registry", "../registry").out


def test_deployments_are_told_listed_compared_and_retired(name: str, muniment: Command) -> None:
    told = muniment("deploy", f"{name}@champion", "prod", "scoring", "--url", "https://x.example")
    assert told.out == f"prod/scoring runs {name}@champion (running).\n"
    muniment("deploy", f"{name}/2", "test", "batch", "-m", "a trial")
    assert muniment("deployments", name, "-q").lines == ["prod/scoring", "test/batch"]
    assert muniment("deployments", name, "--env", "test", "-q").lines == ["test/batch"]
    assert "No drift" in muniment("drift", name).out

    muniment("deploy", f"{name}@champion", "prod", "scoring", "--running", 2, "--status", "pending")
    assert "runs 2, but champion is 1" in muniment("drift", name).out
    assert len(muniment("drift", name, "--all", "-q").lines) == 2
    using = muniment("consumers", f"{name}/2", "-o", "json").json
    assert {d["name"] for d in using["deployments"]} == {"scoring", "batch"}
    assert "prod/scoring" in muniment("rm", f"{name}/2", "--yes", code=4).err
    muniment("deploy", f"{name}@champion", "prod", "scoring", "--forget-running")
    assert "No drift" in muniment("drift", name).out

    muniment("retire", name, "prod", "scoring", "-m", "replaced")
    assert muniment("deployments", name, "--status", "retired", "-q").lines == ["prod/scoring"]
    assert "muniment deployments" in muniment("retire", name, "prod", "scoring", code=3).err


def test_consumers_are_shown(name: str, muniment: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_CONSUMER", f"nightly-{name}")
    muniment("pull", f"{name}@champion")
    while not (uses := muniment("consumers", name, "--consumer", f"nightly-{name}", "-q").lines):
        pass  # what happened in the last second may not be told yet
    assert set(uses) == {f"{name}/1 nightly-{name}"}
    assert f"nightly-{name}" in muniment("consumers", f"{name}/1").out
    assert f"nightly-{name}" in muniment("consumers", name, "--since", "1h").out
    assert "Name the model alone" in muniment("consumers", f"{name}/1", "--limit", 1, code=2).err
