"""From candidate to production: asked for, blocked, reviewed, approved, deployed, rolled back.

    python examples/approval.py                          a server of its own, in a temporary folder
    MUNIMENT_TOKEN=… python examples/approval.py URL     a server of yours, as its admin

Three users act: ada, a data scientist; grace, who reviews; and a pipeline, which is no person.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import muniment
from muniment import Registry
from muniment.demo.server import ServerProcess
from muniment.domain.access import Role
from muniment.domain.values import JsonObject
from muniment.errors import Blocked, PermissionDenied

POLICY: JsonObject = {
    "approvals": 1,
    "approver": "approver",
    "metrics": [{"metric": "auc", "at_least": 0.9}],
    "checks": ["bias"],
}
_steps = 0


def main(arguments: Sequence[str]) -> None:
    """Tell the story at the server that is named, or at one of its own."""
    if arguments:
        with muniment.connect(arguments[0], progress=False) as admin:
            tell(admin, ending=f"-{secrets.token_hex(3)}")
        return
    with tempfile.TemporaryDirectory(prefix="muniment-approval-") as name:
        home, log = Path(name) / "registry", Path(name) / "server.log"
        command("init", "--home", home, "--admin", "root")
        token = command("token", "create", "--user", "root", "-q", "--registry", home)
        with ServerProcess(home, log) as server:
            say("A server", f"{server.url}, over a temporary folder, with a sign-in")
            with muniment.connect(server.url, token=token, progress=False) as admin:
                model = tell(admin)
            find_tampering(home, model)


def tell(admin: Registry, ending: str = "") -> str:
    """Let it happen; return the name of the model. `ending` makes names that are free."""
    model, url = f"fraud{ending}", admin.address
    ada = user(admin, url, f"ada{ending}", Role.APPROVER)
    grace = user(admin, url, f"grace{ending}", Role.APPROVER)
    pipeline = user(admin, url, f"pipeline{ending}", Role.CONTRIBUTOR, service=True)
    people = [registry.whoami() for registry in (ada, grace, pipeline)]
    say(
        "Three users",
        *(f"{one.name}, {'automation' if one.automation else 'a person'}" for one in people),
    )
    before = next(stage for stage in admin.stages() if stage.name == "Production").policies
    admin.define_stage("Production", policies=[*before, {**POLICY, "models": model}])
    say("A policy for Production", "one approval, auc of at least 0.9, and the check 'bias' passes")
    try:
        with ada, grace, pipeline:
            from_candidate_to_production(model, ada, grace, pipeline)
            into_use_and_back(model, ada, grace, pipeline)
            look_back(model, grace)
    finally:
        admin.define_stage("Production", policies=before)
    return model


def from_candidate_to_production(
    model: str, ada: Registry, grace: Registry, pipeline: Registry
) -> None:
    """The first candidate is not good enough; the second one is, but not by its maker's word."""
    first = ada.push(model, {"depth": 3}, metrics={"auc": 0.87})
    asked = first.request("Production", comment="our first")
    say(f"{first.ref}, with an auc of 0.87", f"request {asked.id}: {asked.to_stage}")
    try:
        grace.approve(asked)
    except Blocked as error:
        say("Blocked", *listed(error))
        grace.reject(asked, comment="not good enough yet")
    else:
        raise SystemExit("What is not good enough was approved.")

    second = ada.push(
        model, {"depth": 6}, metrics={"auc": 0.93}, parent=first, relation="fine_tuned_from"
    )
    pipeline.report_check(second, "bias", "pass", url="https://ci.example.com/runs/17")
    asked = second.request("Production", comment="deeper")
    say(f"{second.ref}, with an auc of 0.93", f"request {asked.id}; the check 'bias' passes")
    try:
        ada.approve(asked)
    except PermissionDenied as error:
        say("Self-approval refused", error.message)
    else:
        raise SystemExit("Who asked could approve it.")
    grace.comment(asked, f"Looks good, @{asked.requested_by}.")
    approved = grace.approve(asked, comment="checked by hand")
    say(
        "Approved by the reviewer",
        f"request {approved.id} is {approved.state}, by {approved.closed_by}",
        f"{second.ref} is in {second.refresh().stage}: one step with the approval",
    )


def into_use_and_back(model: str, ada: Registry, grace: Registry, pipeline: Registry) -> None:
    """It runs; a better one takes its place, lags behind, disappoints, and goes back."""
    deployed = pipeline.deploy(f"{model}/Production", "prod", "scoring", running=2)
    say("Deployed", f"{deployed.place} runs {deployed.target}, now version {deployed.running}")

    third = ada.push(model, {"depth": 9}, metrics={"auc": 0.95}, parent=f"{model}/2")
    pipeline.report_check(third, "bias", "pass")
    grace.approve(third.request("Production", archive_existing=True), force=True)
    late = pipeline.drift(model=model).first()
    assert late is not None
    say(f"{third.ref} is in Production, and drift shows", f"{late.deployment.place}: {late.reason}")
    pipeline.deploy(f"{model}/Production", "prod", "scoring", running=3)
    meanwhile = third.refresh().stage_since

    undone = grace.rollback(model, "Production", comment="too many false alarms", force=True)
    pipeline.deploy(f"{model}/Production", "prod", "scoring", running=2)
    assert meanwhile is not None
    then = grace.resolve(f"{model}/Production", as_of=meanwhile)
    now = grace.resolve(f"{model}/Production")
    say(
        "Rolled back",
        f"{undone.name}: version {undone.versions[0]} instead of {undone.instead_of[0]}",
        f"Production means {now.ref}; at {meanwhile:%H:%M:%S.%f} it meant {then.ref}",
        f"no drift: {not pipeline.drift(model=model).all()}",
    )


def look_back(model: str, grace: Registry) -> None:
    """Every step stands in the history, and the lineage tells what came from what."""
    history = grace.history(model, newest_first=False).all()
    say(
        "Every step is in the log",
        *(f"{a.sequence:>2}  {a.actor:<10}  {a.kind:<20}  {a.comment}".rstrip() for a in history),
    )
    graph = grace.lineage(f"{model}/3", direction="up")
    names = {node.key: node.label for node in graph.nodes}
    say(
        "Lineage of version 3",
        *(f"{names[edge.child]} {edge.relation} {names[edge.parent]}" for edge in graph.edges),
    )


def find_tampering(home: Path, model: str) -> None:
    """Somebody with the database in hand rewrites the past, and is found out."""
    say("The log is sound", *verified(home, code=0))
    database = sqlite3.connect(home / "muniment.db")
    with database:
        database.execute(
            "UPDATE activities SET actor = 'ada' "
            "WHERE kind = 'request.approved' AND sequence = (SELECT max(sequence) FROM activities "
            "WHERE kind = 'request.approved')"
        )
    database.close()
    say(f"One row of the history of {model} is changed: 'ada' approved", *verified(home, code=7))


def user(admin: Registry, url: str, name: str, role: Role, *, service: bool = False) -> Registry:
    """Make a user; return the registry as they see it."""
    administration = admin.backend.administration
    administration.create_user(name, service=service, role=role, workspace="default")
    _, token = administration.create_token(user=name, description="examples/approval.py")
    return muniment.connect(url, token=token, progress=False)


def verified(home: Path, *, code: int) -> list[str]:
    """Return what `muniment audit verify` says, and make sure that it ends with `code`."""
    return command("audit", "verify", "--registry", home, code=code).splitlines()


def command(*arguments: object, code: int = 0) -> str:
    """Run the `muniment` command; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "muniment", *map(str, arguments)],
        env={key: value for key, value in os.environ.items() if key != "MUNIMENT_TOKEN"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != code:
        raise SystemExit(f"muniment {arguments[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout.strip()


def listed(error: Blocked) -> list[str]:
    """Return what stands in the way."""
    blockers = error.details["blockers"]
    return [f"not met: {blocker}" for blocker in blockers] if isinstance(blockers, list) else []


def say(title: str, *lines: str) -> None:
    """Tell a step of the story."""
    global _steps
    _steps += 1
    print(f"{_steps:>2}  {title}", *(f"      {line}" for line in lines), sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
