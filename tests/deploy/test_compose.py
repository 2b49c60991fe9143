"""The compose file: whole with either database, closed to the outside, and without any password."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from muniment.server.settings import load_settings
from tests.deploy.reading import DEPLOY, is_setting, read

DATABASES = ("postgresql", "mongodb")
with_each_database = pytest.mark.parametrize("database", DATABASES)
OURS = ("muniment-1", "muniment-2", "first-admin")


@cache
def project(database: str) -> Any:
    return read("compose", DEPLOY / "compose.yaml", database, f"COMPOSE_PROFILES={database}")


def services(database: str) -> dict[str, Any]:
    found: dict[str, Any] = project(database)["services"]
    return found


@with_each_database
def test_two_servers_stand_over_one_database_and_minio_behind_a_proxy(database: str) -> None:
    assert set(services(database)) == {*OURS, database, "minio", "proxy"}


@with_each_database
def test_the_proxy_alone_can_be_reached_and_from_this_machine_alone(database: str) -> None:
    open_to = {
        name: [(port["host_ip"], port["target"]) for port in service.get("ports", [])]
        for name, service in services(database).items()
    }
    assert open_to.pop("proxy") == [("127.0.0.1", 8080), ("127.0.0.1", 9000)]
    assert not any(open_to.values())
    for name in (database, "minio"):
        assert set(services(database)[name]["networks"]) == {"inside"}
    assert project(database)["networks"]["inside"]["internal"] is True


@with_each_database
def test_every_container_is_kept_on_a_short_leash(database: str) -> None:
    for name, service in services(database).items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name != database:  # whose images change users when they start
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name


@with_each_database
def test_each_waits_for_what_it_needs_to_be_healthy(database: str) -> None:
    found = services(database)
    conditions = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()
               if on in found}
        for name, service in found.items()
    }  # fmt: skip
    assert conditions["first-admin"] == {database: "service_healthy", "minio": "service_healthy"}
    for name in ("muniment-1", "muniment-2"):
        assert conditions[name]["first-admin"] == "service_completed_successfully"
        assert "healthcheck" not in found[name]  # the image's
        assert conditions["proxy"][name] == "service_healthy"
    for name in (database, "minio", "proxy"):
        assert found[name]["healthcheck"]["test"][0] == "CMD"


@with_each_database
def test_nothing_is_told_that_is_no_setting(database: str) -> None:
    for name in OURS:
        assert all(map(is_setting, services(database)[name]["environment"]))


@with_each_database
def test_no_secret_stands_in_the_file_or_has_a_default(database: str) -> None:
    for name, service in services(database).items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|DATABASE", variable):
                assert value.startswith("/run/secrets/"), (name, variable)
                assert value.removeprefix("/run/secrets/") in {
                    secret["source"] for secret in service["secrets"]
                }
    secrets = project(database)["secrets"].values()
    assert all(Path(secret["file"]).parent == DEPLOY / ".secrets" for secret in secrets)


# -- deploy/secrets ------------------------------------------------------------------------------


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    return Path(
        shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=lambda *_: [".secrets", ".env"])
    )


def make_secrets(deploy: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", deploy / "secrets", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def contents(deploy: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in (deploy / ".secrets").iterdir()}


def test_all_secrets_are_made_and_differ_everywhere(deploy: Path) -> None:
    assert make_secrets(deploy).returncode == 0
    made = contents(deploy)
    for database in DATABASES:
        files = {Path(each["file"]).name for each in project(database)["secrets"].values()}
        assert files <= set(made)
        assert made["database-password"] in made[database]
    passwords = {made[name] for name in ("admin", "minio", "database-password")}
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)
    shutil.rmtree(deploy / ".secrets")
    make_secrets(deploy)
    assert not passwords & set(contents(deploy).values())


def test_others_can_not_read_them(deploy: Path) -> None:
    make_secrets(deploy)
    assert stat.S_IMODE((deploy / ".secrets").stat().st_mode) == 0o700


def test_what_is_there_stays(deploy: Path) -> None:
    make_secrets(deploy)
    before = contents(deploy)
    make_secrets(deploy)
    assert contents(deploy) == before


def test_the_database_that_was_chosen_stays_chosen(deploy: Path) -> None:
    (deploy / ".env").write_text("MUNIMENT_PORT=8080\n")
    make_secrets(deploy)
    assert (deploy / ".env").read_text() == "MUNIMENT_PORT=8080\nCOMPOSE_PROFILES=postgresql\n"
    make_secrets(deploy, "mongodb")
    make_secrets(deploy)
    assert (deploy / ".env").read_text() == "MUNIMENT_PORT=8080\nCOMPOSE_PROFILES=mongodb\n"


def test_another_database_is_refused(deploy: Path) -> None:
    refused = make_secrets(deploy, "mysql")
    assert refused.returncode == 2
    assert "postgresql or mongodb, not 'mysql'" in refused.stderr
    assert not (deploy / ".secrets").exists()


@with_each_database
def test_the_servers_understand_what_they_are_told(
    database: str, deploy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_secrets(deploy)
    names = {
        name: Path(secret["file"]).name for name, secret in project(database)["secrets"].items()
    }
    for variable, value in services(database)["muniment-1"]["environment"].items():
        secret = value.removeprefix("/run/secrets/")
        path = str(deploy / ".secrets" / names.get(secret, ""))
        monkeypatch.setenv(variable, path if secret != value else value)
    place = load_settings().place
    assert place.shown.startswith(f"{database}://")
    assert "s3://models" in place.shown
    assert contents(deploy)["database-password"] in place.database


def test_git_keeps_out_of_it() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/.secrets/admin", "deploy/.env"],
        cwd=DEPLOY.parent,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout.split() == ["deploy/.secrets/admin", "deploy/.env"]
