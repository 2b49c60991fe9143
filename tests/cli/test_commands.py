"""What each command does, from the user's side, against a folder and against a server."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Command
from tests.client import servers


@pytest.fixture(params=["folder", "server"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that is free, in a registry in a folder and in one behind a server."""
    if request.param == "server":
        started: servers.Server = request.getfixturevalue("server")
        monkeypatch.setenv("MUNIMENT_REGISTRY", started.url)
    return f"model-{uuid.uuid4().hex[:8]}"


def test_a_model_goes_in_and_the_same_comes_out(
    name: str, muniment: Command, model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "signature.json").write_text(
        '{"input": {"variables": [{"name": "x", "type": "NUMERIC"}]}}'
    )
    (tmp_path / "example.json").write_text('[{"x": 1.5}]')
    version = muniment(
        *("push", name, model_folder, "--label", "1.0.0", "--description", "The first."),
        *("--tag", "team=risk", "--tag", "zip:str=10115", "--param", "depth=6"),
        *("--metric", "auc=0.93", "--framework", "own", "--signature", "signature.json"),
        *("--input-example", "example.json", "--alias", "champion", "--source-uri", "git:abc"),
        *("-o", "json"),
    ).json
    assert (version["version"], version["status"], version["label"]) == (1, "READY", "1.0.0")
    assert version["tags"] == {"team": "risk", "zip": "10115"}
    assert (version["params"], version["metrics"]) == ({"depth": 6}, {"auc": 0.93})
    assert (version["aliases"], version["source_uri"]) == (["champion"], "git:abc")
    assert version["signature"]["input"]["variables"] == [{"name": "x", "type": "NUMERIC"}]

    pulled = muniment("pull", f"{name}@champion", "--to", "out", "-o", "json").json
    assert pulled["folder"] == "out"
    assert {file["path"] for file in pulled["files"]} == {
        *("config.json", "input_example.json", "sub/weights.bin")
    }
    for file in pulled["files"]:
        content = (tmp_path / "out" / file["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    assert (tmp_path / "out" / "sub" / "weights.bin").read_bytes() == (
        model_folder / "sub" / "weights.bin"
    ).read_bytes()
    assert muniment("verify", name, "-o", "json").json[0]["ok"] is True


def test_push_without_a_file_registers_a_pointer(name: str, muniment: Command) -> None:
    version = muniment("push", name, "--source-uri", "s3://bucket/m", "-o", "json").json
    assert (version["digest"], version["source_uri"]) == (None, "s3://bucket/m")
    assert "points at" in muniment("pull", name, code=4).err
    assert "it points elsewhere" in muniment("show", f"{name}/1").out


def test_push_reads_standard_input(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "muniment", "push", name, "-", "--path", "w/model.bin", "-q"],
        input=b"weights" * 1000,
        capture_output=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout.decode() == f"{name}/1\n"
    shown = subprocess.run(
        [sys.executable, "-m", "muniment", "show", f"{name}/1", "-o", "json"],
        capture_output=True,
        check=True,
    )
    (file,) = json.loads(shown.stdout)["files"]
    assert (file["path"], file["size"]) == ("w/model.bin", 7000)
    assert file["sha256"] == hashlib.sha256(b"weights" * 1000).hexdigest()


def test_push_can_refuse_to_make_a_model(name: str, muniment: Command, model_folder: Path) -> None:
    assert name in muniment("push", name, model_folder, "--no-create", code=3).err
    muniment("push", name, model_folder)
    assert muniment("push", name, model_folder, "--no-create", "-q").out == f"{name}/2\n"


def test_pull_fetches_only_the_paths_that_are_asked_for(
    name: str, muniment: Command, model_folder: Path, tmp_path: Path
) -> None:
    muniment("push", name, model_folder)
    muniment("pull", name, "--path", "sub", "--to", "out")
    assert [p.name for p in (tmp_path / "out").rglob("*") if p.is_file()] == ["weights.bin"]
    assert "no file" in muniment("pull", name, "--path", "nope", code=3).err
    folder = Path(muniment("pull", name, "-q").out.strip())
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "sub"]


def test_tags_are_set_typed_removed_and_listed(
    name: str, muniment: Command, model_folder: Path
) -> None:
    muniment("push", name, model_folder)
    muniment("tag", name, "owner=ada")
    muniment("tag", f"{name}/1", "reviewed=true", "n=3", "draft=yes")
    muniment("tag", f"{name}/1", "--delete", "draft", "n:str=3")
    assert muniment("tag", f"{name}/1", "-o", "json").json == {"reviewed": True, "n": "3"}
    assert muniment("tag", name, "-q").lines == ["owner"]


def test_an_alias_moves_by_compare_and_swap(
    name: str, muniment: Command, model_folder: Path
) -> None:
    muniment("push", name, model_folder)
    muniment("push", name, model_folder)
    muniment("alias", name, "champion", 1, "--expect", 0, "--protect")
    assert "version 1" in muniment("alias", name, "champion", 2, "--expect", 2, code=4).err
    assert "protected" in muniment("alias", name, "champion", 2, code=4).err
    muniment("alias", name, "champion", 2, "--expect", 1)
    (alias,) = muniment("alias", name, "-o", "json").json
    assert (alias["alias"], alias["version"], alias["protected"]) == ("champion", 2, True)
    muniment("alias", name, "champion", 2, "--expect", 2, "--unprotect")
    muniment("alias", name, "champion", "--delete")
    assert "No aliases" in muniment("alias", name).out
    assert "Where should" in muniment("alias", name, "champion", code=2).err
    assert "--expect" in muniment("alias", name, "champion", 1, "--delete", code=2).err


def test_deleted_things_come_back(name: str, muniment: Command, model_folder: Path) -> None:
    muniment("push", name, model_folder, "--alias", "champion")
    muniment("push", name, model_folder)
    assert "Nothing was changed" in muniment("rm", f"{name}/1", "--dry-run").out
    removed = muniment("rm", f"{name}/1", "--yes")
    assert f"muniment restore {name}/1" in removed.err
    assert muniment("ls", name, "-q").lines == [f"{name}/2"]
    assert muniment("ls", name, "--deleted", "-q").lines == [f"{name}/1"]
    muniment("show", f"{name}/1", code=3)
    muniment("restore", f"{name}/1")

    assert "2 versions" in muniment("rm", name, "--dry-run").out
    muniment("rm", name, "--yes")
    assert name not in muniment("ls", "-q").lines
    assert name in muniment("ls", "--deleted", "-q").lines
    assert "2 versions" in muniment("restore", name).out
    assert muniment("ls", name, "-q").lines == [f"{name}/2", f"{name}/1"]
    muniment("restore", name, code=3)


def test_restore_asks_which_if_several_deleted_models_had_the_name(
    name: str, muniment: Command, model_folder: Path
) -> None:
    for _ in range(2):
        muniment("push", name, model_folder)
        muniment("rm", name, "--yes")
    refused = muniment("restore", name, code=4).err
    ids = [model["id"] for model in muniment("ls", "--deleted", "-o", "json").json]
    ours = [one for one in ids if f"{one} (deleted" in refused]
    assert len(ours) == 2
    muniment("restore", name, "--id", ours[0] + 1_000, code=3)
    assert muniment("restore", name, "--id", ours[0], "-o", "json").json["id"] == ours[0]


def test_rm_needs_yes_where_nobody_can_answer(name: str, model_folder: Path) -> None:
    muniment = [sys.executable, "-m", "muniment"]
    subprocess.run([*muniment, "push", name, model_folder, "-q"], check=True)
    refused = subprocess.run([*muniment, "rm", name], stdin=subprocess.DEVNULL, check=False)
    assert refused.returncode == 2
    subprocess.run([*muniment, "show", name, "-q"], check=True)


def test_rm_of_what_a_job_uses_needs_force(
    name: str, muniment: Command, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    muniment("push", name, model_folder)
    monkeypatch.setenv("MUNIMENT_CONSUMER", "nightly")
    muniment("pull", f"{name}/1")
    monkeypatch.delenv("MUNIMENT_CONSUMER")
    for what in (f"{name}/1", name):
        refused = muniment("rm", what, "--yes", code=4).err
        assert "nightly used it last" in refused
        assert "--force" in refused
    muniment("rm", f"{name}/1", "--yes", "--force")


def test_history_tells_who_did_what(name: str, muniment: Command, model_folder: Path) -> None:
    muniment("push", name, model_folder, "--alias", "champion")
    entries = muniment("log", name, "-o", "json").json
    assert [entry["kind"] for entry in entries] == [
        *("alias.set", "version.created", "model.created")
    ]
    assert entries[0]["previous"] == entries[1]["hash"]
    (oldest,) = muniment("log", name, "--oldest", "--limit", 1, "-q").lines
    assert oldest == f"1 {entries[2]['hash']}"
    cut = muniment("log", name, "--limit", 1)
    assert "--limit" in cut.err
    assert "alias=champion to=1" in cut.out


def test_diff_shows_metrics_params_tags_and_files(
    name: str, muniment: Command, model_folder: Path
) -> None:
    muniment("push", name, model_folder, "--metric", "auc=0.93", "--tag", "a=1")
    assert "No difference" in muniment("diff", name, f"{name}/1").out
    (model_folder / "config.json").write_text("{}")
    muniment("push", name, model_folder, "--metric", "auc=0.95", "--param", "depth=8")
    assert muniment("diff", f"{name}/1", f"{name}/2", "-q").lines == [
        *("metrics.auc", "params.depth", "tags.a", "files.config.json")
    ]
    document = muniment("diff", f"{name}/1", f"{name}/2", "-o", "json").json
    assert document["metrics"] == [{"name": "auc", "before": 0.93, "after": 0.95}]
    page = muniment("diff", f"{name}/1", f"{name}/2").out
    assert "+0.02" in page
    assert "2 B of 5.0 KiB are new" in page


def test_garbage_collection_says_what_it_would_do_and_does_it(
    muniment: Command, pushed: str
) -> None:
    muniment("rm", f"{pushed}/1", "--yes")
    now = ("--restore-window", "0", "--grace", "0")
    would = muniment("gc", "--dry-run", *now, "-o", "json").json
    assert (would["dry_run"], would["purged_versions"]) == (True, 1)
    muniment("restore", f"{pushed}/1")
    muniment("rm", f"{pushed}/1", "--yes")
    did = muniment("gc", *now, "-o", "json").json
    assert (did["dry_run"], did["purged_versions"]) == (False, 1)
    assert did["bytes"] == would["bytes"] > 0
    muniment("restore", f"{pushed}/1", code=3)
    assert muniment("verify", "-o", "json").json[0]["ok"] is True
    assert muniment("gc", *now, "-q").out == "0\n"


def test_an_empty_path_is_not_the_current_folder(muniment: Command) -> None:
    assert "empty" in muniment("push", "fraud", "", code=2).err
    assert muniment("ls", "-q").lines == []


def test_verify_tells_of_each_version_as_it_goes(muniment: Command, pushed: str) -> None:
    assert muniment("verify").err.splitlines() == [
        f"note: {pushed}/2: sound",
        f"note: {pushed}/1: sound",
    ]


def test_verify_finds_a_changed_byte(muniment: Command, pushed: str, tmp_path: Path) -> None:
    assert muniment("verify").out.count("sound") == 2
    weights = bytes(range(256)) * 20
    (blob,) = [
        file
        for file in (tmp_path / "registry").rglob(hashlib.sha256(weights).hexdigest() + "*")
        if file.is_file()
    ]
    blob.chmod(0o644)
    blob.write_bytes(weights[:-1] + b"\0")
    report = muniment("verify", f"{pushed}/1", code=7).out
    assert "NOT SOUND" in report
    assert "sub/weights.bin" in report
    assert muniment("verify", pushed, "-q", code=7).lines == [f"{pushed}/2", f"{pushed}/1"]


def test_a_model_whose_name_holds_an_at_is_found_unless_it_reads_as_an_alias(
    muniment: Command, model_folder: Path
) -> None:
    muniment("push", "a@b", model_folder)
    assert muniment("show", "a@b", "-q").out == "a@b\n"
    muniment("push", "a", model_folder, "--alias", "b")
    assert muniment("show", "a@b", "-q").out == "a/1\n"
    assert muniment("show", "a@c", code=3).err.startswith("error: 'a@c'")


def test_lists_go_on_beyond_one_page_of_the_registry(
    muniment: Command, server: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", server.url)
    prefix = uuid.uuid4().hex
    with httpx.Client(base_url=f"{server.url}/api/v1") as api:
        for n in range(105):
            api.post("/models", json={"name": f"{prefix}-{n:03}"}).raise_for_status()
    ours = f"name LIKE '{prefix}%'"
    listed = muniment("ls", "--filter", ours, "-q")
    assert listed.lines == [f"{prefix}-{n:03}" for n in range(105)]
    page = muniment("ls", "--filter", ours)
    assert len(page.lines) == 1 + 100  # people get a screenful, and are told so
    assert "100" in page.err
    assert len(muniment("search", ours, "--models", "--limit", 7, "-q").lines) == 7
    backwards = muniment("ls", "--filter", ours, "--order-by", "name DESC", "-q", "--limit", 1)
    assert backwards.lines == [f"{prefix}-104"]


def test_search_finds_versions_of_all_models(
    name: str, muniment: Command, model_folder: Path
) -> None:
    muniment("push", name, model_folder, "--metric", "auc=0.93", "--tag", f"run={name}")
    muniment("push", f"{name}-b", model_folder, "--metric", "auc=0.95", "--tag", f"run={name}")
    good = f"metrics.auc > 0.9 AND tags.run = '{name}'"
    found = muniment("search", good, "--order-by", "metrics.auc DESC", "-q").lines
    assert found == [f"{name}-b/1", f"{name}/1"]
    assert muniment("search", f"name = '{name}'", "--models", "-q").lines == [name]
