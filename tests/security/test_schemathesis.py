"""Schemathesis on the OpenAPI document: examples, edge cases, random and stateful requests.

What it finds must be written down: every answer has a status that its operation names, a media
type and a body that fit, and none is a 5xx. `default`, which stands for what the frame around every
operation answers, is taken out of the document first, and those few answers are put in by name.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

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


@pytest.fixture(scope="module")
def world_at_work(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a home with data in it, and the token of an admin of all of it."""
    home = tmp_path_factory.mktemp("st") / "home"
    world = World.made_in(home)
    world.owner.catalog.set_alias("fraud", "champion", world.version("fraud"))
    world.version("credit")
    world.pending("credit")
    world.ports.close()
    return home, world.tokens["root"]


def test_no_operation_fails_or_answers_what_is_not_written_down(
    world_at_work: tuple[Path, str], tmp_path: Path
) -> None:
    home, token = world_at_work
    with started(home) as server:
        bearer = f"Bearer {token}"
        document = httpx.get(f"{server.url}/openapi.json", headers={"Authorization": bearer})
        schema = tmp_path / "openapi.json"
        schema.write_text(json.dumps(strict(document.json())))
        run = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "run", str(schema)),
                *("--url", server.url, "--header", f"Authorization: {bearer}"),
                *("--phases", "examples,coverage,fuzzing,stateful", "--checks", ",".join(CHECKS)),
                *("--max-examples", "5", "--seed", "1", "--generation-deterministic"),
                *("--workers", "1", "--no-color", "--continue-on-failure", "--warnings", "off"),
            ],
            cwd=tmp_path,
            env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
        assert "Stateful" in run.stdout
        assert server.process.poll() is None
        assert httpx.get(f"{server.url}/ready").status_code == 200
