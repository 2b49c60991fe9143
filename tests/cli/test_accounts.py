"""People and programs, from the command: in a folder that one owns, and at a server's."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import muniment as client
from muniment.cli import main
from muniment.cli.scopes import read_grant, written
from muniment.domain.access import GLOBAL, VERBS_OF, Grant, Narrowing, Role, Verb
from muniment.domain.sheets import cell
from muniment.errors import InvalidInput
from tests.cli.conftest import Command
from tests.client import servers

ONE_TIME = re.compile(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}")
SECURITY = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")


@dataclass
class Guarded:
    """A server over a registry with the admin grace."""

    server: servers.Server
    token: str


def quietly(*args: object) -> str:
    """Run the command in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "muniment", *map(str, args), "-q"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    home = tmp_path_factory.mktemp("guarded") / "home"
    assert ONE_TIME.fullmatch(quietly("init", "--home", home, "--admin", "grace"))
    token = quietly("token", "create", "--user", "grace", "--registry", home)
    started = servers.start(home)
    yield Guarded(started, token)
    started.end()


@pytest.fixture(params=["folder", "server"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A registry with users, which one administers in its folder, or at its server."""
    if request.param == "server":
        guarded: Guarded = request.getfixturevalue("guarded")
        monkeypatch.setenv("MUNIMENT_REGISTRY", guarded.server.url)
        monkeypatch.setenv("MUNIMENT_TOKEN", guarded.token)
    else:
        main(["init", "--home", os.environ["MUNIMENT_REGISTRY"], "--admin", "grace"])
    return str(request.param)


@pytest.fixture
def ada() -> str:
    """A name that nobody has."""
    return f"ada-{uuid.uuid4().hex[:8]}"


# -- the beginning -----------------------------------------------------------------------------


def test_init_makes_the_first_admin_and_says_what_to_do_next(
    muniment: Command, tmp_path: Path
) -> None:
    made = muniment("init", "--home", "house", "--admin", "grace")
    assert ONE_TIME.search(made.out)
    assert f"muniment passwd --name grace --registry {tmp_path / 'house'}" in made.err
    assert "muniment serve --host" in made.err

    again = muniment("init", "--home", "house", "--admin", "eve", code=4)
    assert "has users already" in again.err
    assert "muniment user add" in again.err
    assert muniment("user", "ls", "--registry", "house", "-q").lines == ["grace"]


def test_init_in_its_other_forms(muniment: Command, tmp_path: Path) -> None:
    assert ONE_TIME.fullmatch(muniment("init", "--home", "a", "-q").out.strip())
    document = muniment("init", "--home", "b", "-o", "json").json
    assert ONE_TIME.fullmatch(document.pop("one_time_password"))
    assert document == {"user": "admin", "home": str(tmp_path / "b")}
    assert "--reset helps" in muniment("init", "--admin", "a", "--reset", "b", code=2).err


def test_init_with_a_password_of_ones_own_may_run_before_every_start(
    muniment: Command, tmp_path: Path
) -> None:
    (tmp_path / "first").write_text("a few words in a row\n")
    given = ("init", "--home", "house", "--admin", "grace", "--password-file", tmp_path / "first")
    made = muniment(*given, "-o", "json")
    assert made.json == {"user": "grace", "home": str(tmp_path / "house"), "made": True}
    assert "a few words" not in made.out + made.err

    (tmp_path / "own").write_text("quite other words\n")
    passwords = ("--old-file", tmp_path / "first", "--new-file", tmp_path / "own")
    muniment("passwd", "--name", "grace", "--registry", "house", *passwords)
    (tmp_path / "first").unlink()  # it is of no more use
    again = muniment(*given)
    assert "has users: nothing was done" in again.out
    assert muniment(*given, "-q").out == ""


def test_init_with_a_password_that_will_not_do_makes_nobody(
    muniment: Command, tmp_path: Path
) -> None:
    (tmp_path / "short").write_text("short\n")
    given = ("init", "--home", "house", "--password-file", tmp_path / "short")
    assert "12 to" in muniment(*given, code=2).err
    (tmp_path / "short").unlink()
    assert "No such file" in muniment(*given, code=1).err
    assert muniment("user", "ls", "--registry", "house", "-q").lines == []


def test_a_lost_admin_is_let_in_again_by_whoever_owns_the_folder(
    muniment: Command, tmp_path: Path
) -> None:
    muniment("init", "--home", "house", "--admin", "grace")
    muniment("user", "add", "ada", "--role", "admin", "--registry", "house")
    muniment("user", "deactivate", "grace", "--registry", "house")

    reset = muniment("init", "--home", "house", "--reset", "grace", "-q").out.strip()
    assert ONE_TIME.fullmatch(reset)
    (tmp_path / "old").write_text(reset)
    (tmp_path / "new").write_text("a new long password\n")
    muniment(
        *("passwd", "--name", "grace", "--registry", "house"),
        *("--old-file", "old", "--new-file", "new"),
    )

    refused = muniment("init", "--home", "house", "--reset", "ada", code=4)  # of one workspace
    assert "no admin of this registry" in refused.err
    assert muniment("init", "--home", "house", "--reset", "nobody", code=3)
    assert not (tmp_path / "elsewhere").exists()
    assert "no registry" in muniment("init", "--home", "elsewhere", "--reset", "a", code=3).err
    assert not (tmp_path / "elsewhere").exists()


# -- oneself -----------------------------------------------------------------------------------


def test_a_one_time_password_allows_nothing_but_choosing_another(
    guarded: Guarded, muniment: Command, ada: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", guarded.server.url)
    monkeypatch.setenv("MUNIMENT_TOKEN", guarded.token)
    once = muniment("user", "add", ada, "--role", "viewer", "-q").out.strip()
    monkeypatch.delenv("MUNIMENT_TOKEN")
    monkeypatch.setenv("MUNIMENT_USERNAME", ada)
    monkeypatch.setenv("MUNIMENT_PASSWORD", once)
    assert "muniment passwd" in muniment("ls", code=5).err
    assert "to be used once" in muniment("whoami").out

    (tmp_path / "old").write_text(once + "\n")
    (tmp_path / "short").write_text("short\n")
    (tmp_path / "new").write_text("a new long pässword\n")
    files = ("--old-file", "old", "--new-file")
    assert "12 to 1000" in muniment("passwd", *files, "short", code=2).err
    assert muniment("passwd", *files, "new", "-q").out == f"{ada}\n"
    assert "not right" in muniment("passwd", *files, "new", code=5).err

    monkeypatch.setenv("MUNIMENT_PASSWORD", "a new long pässword")
    muniment("ls")
    assert muniment("whoami", "-o", "json").json["must_change"] is False


def test_passwd_reads_standard_input_and_asks_nobody(guarded: Guarded, ada: str) -> None:
    surroundings = {**os.environ, "MUNIMENT_REGISTRY": guarded.server.url}
    admin = {**surroundings, "MUNIMENT_TOKEN": guarded.token}
    run = [sys.executable, "-m", "muniment"]
    once = subprocess.run(
        [*run, "user", "add", ada, "-q"], env=admin, capture_output=True, text=True, check=True
    ).stdout
    passwd = [*run, "passwd", "--name", ada]
    done = subprocess.run(
        [*passwd, "--old-file", "-", "--new-file", "-"],
        input=f"{once}one more long password\n",
        env=surroundings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    asked = subprocess.run(passwd, input="", env=surroundings, capture_output=True, text=True)
    assert asked.returncode == 2
    assert "--old-file" in asked.stderr


def test_whoami_tells_owners_from_users(
    guarded: Guarded, muniment: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "everybody who gets this far is the owner" in muniment("whoami").out
    monkeypatch.setenv("MUNIMENT_REGISTRY", guarded.server.url)
    refused = muniment("whoami", code=5)
    assert "Set MUNIMENT_TOKEN" in refused.err
    monkeypatch.setenv("MUNIMENT_TOKEN", guarded.token)
    assert re.search(
        r"^grace  signed in by token$.*^may +admin$", muniment("whoami").out, re.M | re.S
    )
    assert muniment("whoami", "-q").out == "grace\n"


def test_the_settings_in_force_hide_what_is_secret(
    muniment: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_TOKEN", "mun_s3cret")
    monkeypatch.setenv("MUNIMENT_PASSWORD", "s3cret")
    monkeypatch.setenv("MUNIMENT_REGISTRY", "http://ada:s3cret@host")
    for form in ("human", "json", "quiet"):
        shown = muniment("config", "-o", form).out
        assert "MUNIMENT_TOKEN" in shown
        assert "s3cret" not in shown


# -- users, grants, tokens ---------------------------------------------------------------------


def test_users_come_go_and_come_back(place: str, muniment: Command, ada: str) -> None:
    named = ("--display-name", "Ada L.", "--role", "viewer")
    made = muniment("user", "add", ada, *named, "-o", "json")
    assert made.json["user"]["has_password"] is True
    assert ONE_TIME.fullmatch(made.json["one_time_password"])
    assert ada in muniment("user", "add", ada, code=4).err
    bot = f"{ada}-bot"
    service = muniment("user", "add", bot, "--service", "-o", "json").json
    assert (service["user"]["kind"], "one_time_password" in service) == ("service", False)
    assert f"grant add user:{bot}2 viewer" in muniment("user", "add", f"{bot}2").err

    assert {ada, bot, "grace"} <= {*muniment("user", "ls", "-q").lines}
    shown = muniment("user", "show", ada, "-o", "json").json
    assert (shown["display_name"], shown["must_change"]) == ("Ada L.", True)
    (held,) = shown["grants"]
    assert (held["role"], held["workspace"], held["subject"]) == (
        *("viewer", "default"),
        f"user:{ada}",
    )
    assert "Ada L." in muniment("user", "show", ada).out
    assert "signs in with  tokens" in muniment("user", "show", bot).out

    locked = muniment("user", "deactivate", ada, "-o", "json").json
    assert locked["active"] is False
    assert "deactivated" in muniment("user", "ls").out
    assert muniment("user", "activate", ada, "-q").out == f"{ada}\n"
    again = muniment("user", "reset-password", ada, "-q").out.strip()
    assert ONE_TIME.fullmatch(again)
    assert again != made.json["one_time_password"]
    assert "service account" in muniment("user", "reset-password", bot, code=2).err
    assert muniment("user", "show", "nobody-at-all", code=3)


def test_grants_decide_and_can_explains(place: str, muniment: Command, ada: str) -> None:
    muniment("user", "add", ada)
    assert "no grant" in muniment("can", ada, "read", "fraud-eu", code=5).out
    held = muniment(
        *("grant", "add", f"user:{ada}", "--verb", "alias.move", "--verb", "read"),
        *("--models", "fraud-*", "--alias", "champion", "-o", "json"),
    ).json
    assert (held["verbs"], held["models"], held["alias"]) == (
        *(["alias.move", "read"], "fraud-*"),
        "champion",
    )
    yes = muniment("can", ada, "alias.move", "fraud-eu@champion")
    assert yes.out.startswith("yes  ")
    assert "fraud-*" in yes.out
    assert muniment("can", ada, "alias.move", "fraud-eu@canary", "-q", code=5).out == "no\n"
    assert muniment("can", ada, "alias.move", "churn@champion", "-q", code=5).out == "no\n"
    decision = muniment("can", ada, "stage.move", "fraud-eu/Production", "-o", "json", code=5)
    assert decision.json["allowed"] is False
    assert muniment("can", ada, "read", "-q").out == "yes\n"

    staged = muniment("grant", "add", f"user:{ada}", "approver", "--stage", "Stag*", "-q").out
    assert muniment("can", ada, "stage.move", "fraud-eu/staging", "-q").out == "yes\n"
    listed = muniment("grant", "ls", "--who", f"user:{ada}").out
    assert "alias.move,read on models=fraud-* alias=champion" in listed
    assert "approver on stage=Stag*" in listed
    muniment("grant", "rm", staged.strip())
    assert muniment("can", ada, "stage.move", "fraud-eu/Staging", "-q", code=5)
    assert muniment("grant", "rm", 999_999_999, code=3)


def test_a_grant_is_a_role_or_verbs_in_one_place_or_everywhere(
    place: str, muniment: Command, ada: str
) -> None:
    muniment("user", "add", ada)
    assert "a role, or verbs" in muniment("grant", "add", f"user:{ada}", code=2).err
    both = ("viewer", "--verb", "read")
    assert "a role, or verbs" in muniment("grant", "add", f"user:{ada}", *both, code=2).err
    assert muniment("grant", "add", ada, "viewer", code=2)
    assert muniment("grant", "add", f"user:{ada}", "emperor", code=2)
    here = muniment("grant", "add", f"user:{ada}", "admin", "-o", "json").json
    assert here["workspace"] == "default"
    assert muniment("can", ada, "users.manage", "-q", code=5)
    everywhere = muniment("grant", "add", f"user:{ada}", "admin", "--everywhere", "-o", "json").json
    assert everywhere["workspace"] == "*"
    assert muniment("can", ada, "users.manage", "-q")


def test_a_token_is_shown_once_alone_and_works_until_it_is_revoked(
    guarded: Guarded, muniment: Command, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", guarded.server.url)
    monkeypatch.setenv("MUNIMENT_TOKEN", guarded.token)
    muniment("user", "add", ada, "--role", "contributor")
    made = muniment(
        *("token", "create", "--user", ada, "--expires", "30d", "--description", "for the night"),
        *("--scope", "read on models=night-*", "--automation", "-q"),
    )
    secret = made.out.strip()
    assert re.fullmatch(r"mun_[0-9a-f]+_[\w-]{43}", secret)
    assert made.err == ""
    (token,) = muniment("token", "ls", "--user", ada, "-o", "json").json
    assert (token["automation"], token["description"]) == (True, "for the night")
    assert token["scopes"][0]["models"] == "night-*"
    page = muniment("token", "ls", "--all").out
    assert "read on models=night-*" in page
    assert secret not in page

    monkeypatch.setenv("MUNIMENT_TOKEN", secret)
    muniment("ls")
    assert "as automation" in muniment("whoami").out
    assert muniment("push", "night-owl", "--source-uri", "s3://b/x", code=5)
    monkeypatch.setenv("MUNIMENT_TOKEN", guarded.token)
    assert muniment("token", "revoke", token["id"], "-q").out == f"{token['id']}\n"
    assert "revoked" in muniment("token", "ls", "--user", ada).out
    monkeypatch.setenv("MUNIMENT_TOKEN", secret)
    assert "revoked" in muniment("ls", code=5).err


def test_tokens_are_made_for_others_in_a_folder(muniment: Command) -> None:
    muniment("init", "--home", "registry", "--admin", "grace")
    document = muniment("token", "create", "--user", "grace", "-o", "json").json
    assert document["token"]["expires_at"] is None
    assert document["secret"].startswith(f"mun_{document['token']['id']}_")
    human = muniment("token", "create", "--user", "grace", "--expires", "1h")
    assert "shown only now" in human.out
    assert "MUNIMENT_TOKEN" in human.err
    assert muniment("token", "create", "--user", "nobody", code=3)
    assert muniment("token", "create", "--user", "grace", "--expires", "soon", code=2)
    assert muniment("token", "create", "--user", "grace", "--scope", "emperor", code=2)
    assert muniment("token", "revoke", "nope", code=3)


def test_who_may_not_administer_is_refused(
    guarded: Guarded, muniment: Command, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", guarded.server.url)
    monkeypatch.setenv("MUNIMENT_TOKEN", guarded.token)
    muniment("user", "add", ada, "--role", "approver")
    hers = muniment("token", "create", "--user", ada, "-q").out.strip()
    monkeypatch.setenv("MUNIMENT_TOKEN", hers)
    for command in (
        ("user", "ls"),
        ("user", "add", "eve"),
        ("user", "show", "grace"),
        ("user", "reset-password", "grace"),
        ("token", "ls", "--all"),
        ("token", "create", "--user", "grace"),
        ("grant", "ls"),
        ("grant", "add", f"user:{ada}", "admin"),
        ("can", "grace", "read"),
        ("audit", "ls"),
        ("audit", "export"),
        ("audit", "prune", "--older-than", "1d", "--yes"),
    ):
        assert "Not allowed" in muniment(*command, code=5).err
    assert muniment("user", "show", ada, "-o", "json").json["grants"] is None
    histories = muniment("audit", "verify")
    assert "not yours to read" in histories.err
    assert "not read" in histories.out
    assert muniment("can", ada, "alias.protect", "-q").out == "yes\n"
    own = muniment("token", "create", "--scope", "viewer", "-q").out.strip()
    monkeypatch.setenv("MUNIMENT_TOKEN", own)
    assert "narrowed token" in muniment("token", "create", code=5).err


# -- grants as text ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "grant"),
    [
        ("viewer", Grant.of_role(Role.VIEWER)),
        ("read,download", Grant(frozenset({Verb.READ, Verb.DOWNLOAD}))),
        (
            "read, download on models=fraud-*",
            Grant(frozenset({Verb.READ, Verb.DOWNLOAD}), Narrowing("fraud-*")),
        ),
        (
            "alias.move on models=fraud-* alias=champion",
            Grant(frozenset({Verb.MOVE_ALIAS}), Narrowing("fraud-*", "champion")),
        ),
        (
            "contributor on tag=team=risk models='my model*'",
            Grant.of_role(Role.CONTRIBUTOR, Narrowing("my model*", tag="team=risk")),
        ),
        (
            '{"role": "viewer", "models": "fraud-*"}',
            Grant.of_role(Role.VIEWER, Narrowing("fraud-*")),
        ),
        ('viewer on models="it\'s"', Grant.of_role(Role.VIEWER, Narrowing("it's"))),
    ],
)
def test_a_grant_is_read_as_it_is_written(text: str, grant: Grant) -> None:
    assert read_grant(text) == grant
    assert read_grant(written(grant)) == grant


@pytest.mark.parametrize(
    "text",
    [
        *("", "on models=x", "emperor", "viewer,read", "viewer on", "viewer on models", "{"),
        *("viewer on colour=red", "viewer on models=a models=b", "viewer on models=", "viewer 'on"),
        *("viewer on tag=team", '{"role": "viewer", "x": 1}', "viewer in models=x"),
    ],
)
def test_what_is_no_grant_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_grant(text)


# -- the audit log -----------------------------------------------------------------------------


def test_the_audit_log_tells_who_did_what(place: str, muniment: Command, ada: str) -> None:
    muniment("user", "add", ada, "--role", "viewer")
    newest = muniment("audit", "ls", "--limit", 2, "-o", "json").json
    assert [entry["kind"] for entry in newest] == ["grant.added", "user.created"]
    assert "user.created" in muniment("audit", "ls", "--oldest", "--limit", 1).out
    assert "see --limit" in muniment("audit", "ls", "--limit", 1).err

    lines = muniment("audit", "export").lines
    exported = [json.loads(line) for line in lines]
    assert [entry["sequence"] for entry in exported] == [*range(1, len(lines) + 1)]
    assert exported[1]["previous"] == exported[0]["hash"]
    verified = muniment("audit", "verify", "-o", "json").json
    assert (verified["entries"], verified["ok"]) == (len(lines), True)

    told = muniment("audit", "export", "--format", "csv", "--to", "audit.csv", "-o", "json").json
    assert told == {"entries": len(lines), "file": "audit.csv"}
    with Path("audit.csv").open(encoding="utf-8", newline="") as stream:
        rows = [*csv.DictReader(stream)]
    assert [row["hash"] for row in rows] == [entry["hash"] for entry in exported]

    dry = muniment("audit", "prune", "--older-than", "1d", "--dry-run", "-o", "json").json
    assert dry == {"pruned": 0, "dry_run": True}
    assert "--yes" in muniment("audit", "prune", "--older-than", "365d", code=2).err
    assert muniment("audit", "prune", "--older-than", "365d", "--yes", "-q").out == "0\n"
    assert "a day at least" in muniment("audit", "prune", "--older-than", "1h", "--yes", code=2).err


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(f"a{text}") == f"a{text}"


def test_an_actor_that_is_a_formula_is_exported_as_text(muniment: Command) -> None:
    with client.connect("registry", actor='=HYPERLINK("http://evil")') as registry:
        registry.backend.administration.create_user("ada")
    (line,) = muniment("audit", "export", "--format", "csv").lines[1:]
    (row,) = csv.reader([line])
    assert row[3] == '\'=HYPERLINK("http://evil")'
    (entry,) = muniment("audit", "export").lines
    assert json.loads(entry)["actor"] == '=HYPERLINK("http://evil")'


# -- the manual --------------------------------------------------------------------------------


def test_the_manual_has_the_verbs_of_every_role() -> None:
    rows = dict(re.findall(r"^\| `([a-z.]+)` \|(?:[^|]*\|)((?:[^|\n]*\|){5})$", SECURITY, re.M))
    assert {*rows} == {*Verb}
    for verb, cells in rows.items():
        marks = cells.split("|")[:5]
        assert ["✓" in mark for mark in marks] == [verb in VERBS_OF[role] for role in Role], verb
        assert ("*" in marks[-1]) is (verb in GLOBAL), verb
