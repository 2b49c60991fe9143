"""The image: its recipe is sound, and what it installs is enough to serve."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.reading import DEPLOY, ROOT, is_setting, read
from tests.parts import s3

PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


@cache
def stages() -> Any:
    return read("dockerfile", DEPLOY / "Dockerfile")


def step(word: str, stage: int = -1) -> str:
    """The only step of a stage that begins with this word, without it."""
    (found,) = [each for each in stages()[stage]["steps"] if each.startswith(f"{word} ")]
    return str(found).removeprefix(f"{word} ")


def test_it_runs_as_nobody_in_particular() -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", step("USER"))  # Kubernetes wants numbers
    assert stages()[-1]["steps"].index(f"USER {step('USER')}") < len(stages()[-1]["steps"]) - 1


def test_it_serves_and_looks_after_itself() -> None:
    assert step("ENTRYPOINT") == '["muniment"]'
    assert step("CMD") == '["serve"]'
    assert step("HEALTHCHECK").endswith('CMD ["muniment", "--quiet", "ready"]')
    written = re.findall(r"\b(MUNIMENT_\w+)=", step("ENV"))
    assert written
    assert all(map(is_setting, written))


def test_what_builds_it_stays_behind() -> None:
    assert [each for each in stages()[-1]["steps"] if each.startswith("COPY ")] == [
        "COPY --from=build /opt/muniment /opt/muniment"
    ]


def test_nothing_but_what_it_needs_is_sent_to_the_builder() -> None:
    everything, *but = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert everything == "*"
    copied = {path for word in stages()[0]["steps"] if word.startswith("COPY ")
              for path in word.split()[1:-1]}  # fmt: skip
    assert {line.removeprefix("!") for line in but if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)


def test_it_gets_the_versions_that_are_tested_and_every_one_by_its_hash() -> None:
    tested = set(PIN.findall((ROOT / "requirements" / "dev.lock").read_text("utf-8")))
    lock = (ROOT / "requirements" / "server.lock").read_text("utf-8")
    served = set(PIN.findall(lock))
    assert served <= tested, "run `make lock`"
    assert {"cryptography", "obstore", "picklescan", "psycopg", "pyjwt", "pymongo", "uvicorn"} <= {
        name for name, _ in served
    }
    assert len(re.findall(r"^[\w.-]+==.*\\\n +--hash=sha256:", lock, re.MULTILINE)) == len(served)
    assert not re.findall(r"://|--find-links|--(?:extra-)?index-url|(?:^|\s)/", lock)


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """The `muniment` of the image, made by the steps of its recipe."""
    work = tmp_path / "image"
    venv.create(work / "base", with_pip=True)
    made = work / "made"
    (work / "src").mkdir(parents=True)
    environment = {**os.environ, "PATH": f"{work / 'base' / 'bin'}:{os.environ['PATH']}"}
    environment.pop("VIRTUAL_ENV", None)
    for each in stages()[0]["steps"]:
        word, _, rest = each.partition(" ")
        if word == "ENV":
            environment |= dict(pair.split("=", 1) for pair in rest.split())
        elif word == "COPY":
            for path in rest.split()[:-1]:
                copy(ROOT / path, work / "src" / path)
        elif word == "RUN":
            script = re.sub(r"^--mount=\S+", "", rest).replace("/opt/muniment", str(made))
            ran = subprocess.run(
                ["sh", "-ec", script],
                cwd=work / "src",
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, f"{script}\n{ran.stdout}{ran.stderr}"
    return made / "bin" / "muniment"


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


@pytest.fixture
def surroundings(postgres_url: str, seaweedfs: s3.S3Place, tmp_path: Path) -> dict[str, str]:
    """What the container is told; its home is a folder that it can't write to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name, secret in (
        ("database", postgres_url),
        ("key", str(seaweedfs.options.secret_access_key)),
        ("admin", "four words in a row\n"),
    ):
        (tmp_path / name).write_text(secret)
    return {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "MUNIMENT_HOME": "/proc/nowhere",
        "MUNIMENT_HOST": "127.0.0.1",
        "MUNIMENT_PORT": str(port),
        "MUNIMENT_DATABASE_FILE": str(tmp_path / "database"),
        "MUNIMENT_BLOBS": seaweedfs.url,
        "MUNIMENT_S3_ENDPOINT": str(seaweedfs.options.endpoint),
        "MUNIMENT_S3_REGION": str(seaweedfs.options.region),
        "MUNIMENT_S3_ACCESS_KEY_ID": str(seaweedfs.options.access_key_id),
        "MUNIMENT_S3_SECRET_ACCESS_KEY_FILE": str(tmp_path / "key"),
    }


@pytest.fixture
def server(command: Path, surroundings: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The server of the image, over PostgreSQL and S3, with an admin; yields its line."""
    for _ in range(2):  # as each of several containers does
        init = [command, "init", "--password-file", tmp_path / "admin"]
        subprocess.run(init, env=surroundings, cwd=tmp_path, check=True, capture_output=True)
    process = subprocess.Popen(
        [command, "serve"], env=surroundings, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        yield process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 0


def test_what_it_installs_serves_over_a_database_and_an_object_store(
    command: Path, surroundings: dict[str, str], server: str, tmp_path: Path
) -> None:
    assert " serves postgresql://" in server
    asked = subprocess.run(
        [command, "--quiet", "ready"], env=surroundings, capture_output=True, text=True, check=False
    )
    assert (asked.returncode, asked.stdout) == (0, "ready\n"), asked.stderr
    (tmp_path / "chosen").write_text("other words than those")
    address = f"http://127.0.0.1:{surroundings['MUNIMENT_PORT']}"
    signed_in = {**os.environ, "MUNIMENT_USERNAME": "admin", "MUNIMENT_REGISTRY": address}
    ours = [sys.executable, "-m", "muniment"]
    passwords = ["--old-file", tmp_path / "admin", "--new-file", tmp_path / "chosen"]
    subprocess.run([*ours, "passwd", *passwords], env=signed_in, check=True, capture_output=True)
    signed_in["MUNIMENT_PASSWORD"] = "other words than those"
    subprocess.run(
        [*ours, "push", "fraud", command], env=signed_in, check=True, capture_output=True
    )
    shown = subprocess.run(
        [*ours, "verify", "fraud/1"], env=signed_in, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
