"""The way between stages, from the command: in a folder, and at a server."""

from __future__ import annotations

import csv
import json
import sqlite3
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
    muniment("push", model, model_folder, "--metric", "auc=0.87", "--alias", "champion")
    muniment("push", model, model_folder, "--metric", "auc=0.93", "--from", f"{model}/1")
    return model


@pytest.fixture
def gate(name: str, muniment: Command) -> str:
    """A stage of the test's own that demands something."""
    stage = f"Gate-{name[-8:]}"
    muniment("stages", "set", stage)
    muniment(
        *("policy", "set", stage, "--approvals", 1, "--self-approval", "--metric", "auc>=0.9"),
        *("--check", "bias", "--tag", "reviewed"),
    )
    return stage


def test_stages_are_set_listed_and_dropped(name: str, muniment: Command) -> None:
    stage = f"Shadow {name[-8:]}"
    made = muniment(
        *("stages", "set", stage, "--order", 150, "--colour", "#268bd2"),
        *("--description", "Beside Production.", "-o", "json"),
    ).json
    assert (made["name"], made["order"], made["colour"]) == (stage, 150, "#268bd2")
    assert "Beside Production." in muniment("stages").out
    assert stage in muniment("stages", "-q").lines
    muniment("stages", "drop", stage)
    assert stage not in muniment("stages", "-q").lines
    assert "no stage" in muniment("stages", "drop", stage, code=3).err


def test_policies_are_set_shown_narrowed_and_cleared(
    name: str, gate: str, muniment: Command, tmp_path: Path
) -> None:
    muniment("policy", "set", gate, "--approvals", 2, "--approver", "admin", "--models", "x-*")
    muniment("policy", "set", gate, "--metric", "loss<=now+0.1", "--review-after", "90d")
    shown = muniment("policy", gate).out
    assert f"{gate} demands of models x-*\n  - 2 approvals (role admin or higher)" in shown
    assert f"{gate} demands of all models\n  - loss<=now+0.1\n  - review after 90 days" in shown
    assert "bias" not in shown

    file = tmp_path / "policy.json"
    file.write_text(muniment("policy", "show", gate, "-o", "json").out)
    muniment("policy", "clear", gate, "--models", "x-*")
    assert "has no policy" in muniment("policy", "clear", gate, "--models", "x-*", code=2).err
    assert "x-*" not in muniment("policy", gate).out
    muniment("policy", "set", gate, "--file", file)
    assert muniment("policy", gate).out == shown
    muniment("policy", "clear", gate)
    assert "demands nothing" in muniment("policy", gate).out

    assert "demands nothing" in muniment("policy", "set", gate, code=2).err
    assert "says it all" in muniment("policy", "set", gate, "--file", file, "--owner", code=2).err
    assert "no demand" in muniment("policy", "set", gate, "--metric", "auc>0.9", code=2).err
    assert "no stage" in muniment("policy", "set", "Nowhere", "--owner", code=3).err


def test_each_blocker_stands_on_a_line_with_the_next_step(
    name: str, gate: str, muniment: Command
) -> None:
    refused = muniment("promote", f"{name}/1", gate, code=4)
    assert refused.out == ""
    assert refused.err.splitlines() == [
        f"error: {name}/1 can't enter {gate}.",
        "  not met: auc is at least 0.9 (it is 0.87)",
        f"         → Push a better version; `muniment policy {gate}` shows the bar.",
        "  not met: the check 'bias' passes (unknown)",
        f"         → Run the check, then `muniment check-result {name}/1 NAME pass`.",
        "  not met: the version or its model has the tag 'reviewed' (neither has)",
        f"         → `muniment tag {name}/1 KEY=VALUE`, once it is true.",
        "  not met: 1 approval (0 so far)",
        f"         → `muniment request {name}/1 {gate}`, and somebody else approves.",
    ]
    error = json.loads(muniment("promote", f"{name}/1", gate, "-o", "json", code=4).err)["error"]
    assert error["code"] == "blocked"
    assert error["details"]["rules"] == ["metric", "check", "tag", "approvals"]

    dry = muniment("promote", f"{name}/2", gate, "--dry-run", code=4)
    assert "  met:     auc is at least 0.9 (it is 0.93)" in dry.lines
    assert muniment("promote", f"{name}/2", gate, "--dry-run", "-o", "json", code=4).json[
        "met"
    ] is (False)
    assert muniment("promote", f"{name}/2", "Archived", "--dry-run").out == "Nothing is asked.\n"


def test_a_request_is_reviewed_and_carried_out(name: str, gate: str, muniment: Command) -> None:
    asked = muniment("request", f"{name}/2", gate, "-m", "better", "-o", "json").json
    number = asked["id"]
    assert [r["met"] for r in asked["requirements"]] == [True, True, False, False, False]
    assert "not met: the check 'bias'" in muniment("approve", number, code=4).err
    assert muniment("requests", name, "--open", "-q").lines == [str(number)]
    assert muniment("requests", name, "--mine", "--limit", 5, "-q").lines == [str(number)]
    assert f"Somebody else: `muniment approve {number}`" in muniment("requests", "--id", number).out

    muniment("check-result", f"{name}/2", "bias", "pass")
    muniment("tag", name, "reviewed=true")
    muniment("comment", "--request", number, "Looks good, @ada.")
    assert "is in" in muniment("approve", number, "-m", "checked").out
    shown = muniment("requests", "--id", number).out
    assert f"Request {number}  {name}/2 → {gate}  approved" in shown
    assert "checked" in shown
    assert muniment("requests", name, "--open").out == "No requests.\n"
    assert muniment("requests", name, "--state", "approved", "-q").lines == [str(number)]
    assert muniment("resolve", f"{name}/{gate}", "-q").out == f"{name}/2\n"
    assert "already" in muniment("approve", number, code=4).err
    assert "a state, too" in muniment("requests", "--open", "--state", "open", code=2).err


def test_requests_are_rejected_and_cancelled(name: str, gate: str, muniment: Command) -> None:
    first, second = (
        muniment("request", f"{name}/{version}", gate, "-q").out.strip() for version in (1, 2)
    )
    assert "Rejected" in muniment("reject", first, "-m", "no").out
    assert "Cancelled" in muniment("cancel", second).out
    states = {r["id"]: r["state"] for r in muniment("requests", name, "-o", "json").json}
    assert states == {int(first): "rejected", int(second): "cancelled"}
    assert "rejected  by" in muniment("requests", "--id", first).out


def test_versions_are_promoted_and_rolled_back(name: str, gate: str, muniment: Command) -> None:
    muniment("policy", "clear", gate)
    muniment("promote", f"{name}/1", gate)
    muniment("promote", f"{name}/2", gate.lower(), "--archive", "-m", "release")
    assert muniment("show", f"{name}/1", "-o", "json").json["stage"] == "Archived"
    done = muniment("rollback", name, gate, "-m", "false alarms")
    assert done.out == f"{gate} is {name}/1 again, instead of {name}/2.\n"
    tenures = muniment("tenures", name, gate)
    assert [line.split()[:2] for line in tenures.lines[1:]] == [
        [gate, "1"],
        [gate, "2"],
        [gate, "1"],
    ]
    assert "false alarms" in tenures.lines[1]
    assert muniment("tenures", name, "@champion", "-q").lines == ["@champion 1"]
    muniment("alias", name, "champion", 2)
    assert muniment("rollback", name, "@champion", "-q").lines == [f"{name}/1"]
    assert "no other version before" in muniment("rollback", name, "@nobody", code=4).err


def test_as_of_tells_what_a_name_meant(
    name: str, muniment: Command, tmp_path: Path, model_folder: Path
) -> None:
    (held,) = muniment("tenures", name, "@champion", "-o", "json").json
    muniment("alias", name, "champion", 2)
    ref, then = f"{name}@champion", held["since"]
    assert muniment("resolve", ref, "-q").out == f"{name}/2\n"
    assert muniment("resolve", ref, "--as-of", then, "-q").out == f"{name}/1\n"
    assert muniment("show", ref, "--as-of", then, "-o", "json").json["version"] == 1
    pulled = muniment("pull", ref, "--as-of", then, "--to", "out", "-o", "json").json
    assert pulled["version"]["version"] == 1
    assert muniment("resolve", ref, "--as-of", "0s", "-q").out == f"{name}/2\n"
    assert "meant no version" in muniment("resolve", ref, "--as-of", "365d", code=3).err
    assert "not a time" in muniment("resolve", ref, "--as-of", "yesterday", code=2).err
    assert "no past" in muniment("resolve", f"{name}/1", "--as-of", then, code=2).err


# -- what happened -----------------------------------------------------------------------------


def test_the_log_picks_what_is_asked_for(name: str, muniment: Command) -> None:
    muniment("tag", f"{name}/1", "a=1")
    kinds = [e["kind"] for e in muniment("log", f"{name}/1", "-o", "json").json]
    assert kinds == ["version.updated", "alias.set", "version.created"]
    (created,) = muniment("log", f"{name}/2", "--kind", "version.created", "-o", "json").json
    assert muniment("log", name, "--actor", created["actor"], "-o", "json").json
    assert muniment("log", name, "--actor", "nobody", "-o", "json").json == []
    everything = muniment(
        "log", "--all", "--kind", "version.updated", "--limit", 1, "-o", "json"
    ).json
    assert [(e["model"], e["kind"]) for e in everything] == [(name, "version.updated")]
    # of one kind: checks of other models may report at any moment
    assert name in muniment("log", "--all", "--kind", "version.updated", "--limit", 3).out
    for args, why in (
        ((), "Whose history?"),
        ((name, "--all"), "Whose history?"),
        (("--all", "--oldest"), "latest first"),
        ((name, "--to", "x"), "--format"),
        ((name, "--format", "csv", "--limit", 3), "the whole"),
        ((f"{name}@champion",), "another version tomorrow"),
        ((name, "--kind", "no.such"), "kind"),
    ):
        assert why in muniment("log", *args, code=2).err


def test_the_log_is_exported(name: str, muniment: Command) -> None:
    muniment("promote", f"{name}/1", "Staging", "-m", "=1+1")
    lines = [json.loads(line) for line in muniment("log", name, "--format", "jsonl").lines]
    assert [line["hash"] for line in lines] == [
        e["hash"] for e in muniment("log", name, "-o", "json").json
    ]
    assert {line["model"] for line in lines} == {name}
    told = muniment("log", name, "--oldest", "--format", "csv", "--to", "h.csv", "-o", "json").json
    assert told == {"entries": len(lines), "file": "h.csv"}
    with Path("h.csv").open(encoding="utf-8", newline="") as stream:
        rows = [*csv.DictReader(stream)]
    assert [row["sequence"] for row in rows] == [str(n + 1) for n in range(len(lines))]
    assert "'=1+1" in [row["comment"] for row in rows]
    feed = muniment("log", "--all", "--kind", "stage.changed", "--format", "jsonl").lines
    assert json.loads(feed[0])["model"] == name


def test_tampering_is_found_and_named(muniment: Command, pushed: str, tmp_path: Path) -> None:
    muniment("promote", f"{pushed}/1", "Production")
    muniment("policy", "set", "Staging", "--owner")
    sound = muniment("audit", "verify", "-o", "json").json
    assert (sound["ok"], sound["entries"]) == (True, 1)
    (model,) = sound["models"]
    assert (model["model"], model["ok"], model["entries"] > 3) == (pushed, True, True)

    database = sqlite3.connect(tmp_path / "registry" / "muniment.db")
    with database:
        database.execute("UPDATE activities SET actor = 'eve' WHERE kind = 'stage.changed'")
    changed = muniment("audit", "verify", code=7)
    assert f"{pushed}: History: entry {model['entries']} (stage.changed by eve) was changed" in (
        changed.out
    )
    assert muniment("audit", "verify", "-q", code=7).lines == [pushed]
    with database:
        database.execute("DELETE FROM activities WHERE kind = 'alias.set'")
    removed = muniment("audit", "verify", "-o", "json", code=7).json
    assert (removed["ok"], removed["entries"]) == (False, 1)
    assert "is missing" in removed["models"][0]["problems"][0]
    database.close()
