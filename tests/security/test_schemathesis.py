"""Schemathesis on the OpenAPI document: examples, edge cases, random and stateful requests.

What it finds must be written down: every answer has a status that its operation names, a media
type and a body that fit, and none is a 5xx. `default`, which stands for what the frame around every
operation answers, is taken out of the document first, and those few answers are put in by name.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.client.servers import Server
from tests.security.conftest import World, started

FRAME: Final = ("401", "403", "405", "414", "431")
"""What is answered before an operation is reached, whatever the operation."""

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
    "missing_required_header",
)
# `positive_data_acceptance` and `negative_data_rejection` are left out: some rules can't be said in
# a schema (a name without a slash), and a 413 is as good a refusal as a 400.


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with `default` taken out, and the frame's answers put in."""
    for path in document["paths"].values():
        for operation in path.values():
            default = operation["responses"].pop("default", {"description": "By the frame."})
            for status in FRAME:
                operation["responses"].setdefault(status, default)
    return document


@pytest.fixture
def world_at_work(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a home with data in it, and the token of an admin of all of it."""
    home = tmp_path_factory.mktemp("st") / "home"
    world = World.made_in(home)
    world.owner.catalog.set_alias("fraud", "champion", world.version("fraud"))
    world.version("credit")
    world.pending("credit")
    world.ports.close()
    return home, world.tokens["root"]


def run(server: Server, token: str, folder: Path, *options: str) -> str:
    """Run Schemathesis on a server; return what it has to say, once it has found nothing."""
    bearer = f"Bearer {token}"
    document = httpx.get(f"{server.url}/openapi.json", headers={"Authorization": bearer})
    schema = folder / "openapi.json"
    schema.write_text(json.dumps(strict(document.json())))
    ended = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", str(schema)),
            *("--url", server.url, "--header", f"Authorization: {bearer}"),
            *("--checks", ",".join(CHECKS), "--continue-on-failure", "--warnings", "off"),
            *("--workers", "1", "--no-color", "--generation-deterministic", *options),
        ],
        cwd=folder,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr
    assert server.process.poll() is None
    assert httpx.get(f"{server.url}/ready").status_code == 200
    return ended.stdout


def test_no_request_fails_or_is_answered_by_what_is_not_written_down(
    world_at_work: tuple[Path, str], tmp_path: Path
) -> None:
    home, token = world_at_work
    with started(home) as server:
        phases = "examples,coverage,fuzzing"
        said = run(server, token, tmp_path, "--phases", phases, "--max-examples", "5")
    counted = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)\s", said)
    assert counted is not None, said
    assert len(set(counted.groups())) == 1, said


def test_no_sequence_of_requests_fails_or_is_answered_by_what_is_not_written_down(
    world_at_work: tuple[Path, str], tmp_path: Path
) -> None:
    home, token = world_at_work
    with started(home) as server:
        options = ("--phases", "stateful", "--mode", "positive", "--max-examples", "100")
        said = run(server, token, tmp_path, *options)
    followed = re.search(r"API Links: +(\d+) covered", said)
    assert followed is not None, said
    assert int(followed[1]) > 3, said  # else the sequences hung together by nothing
