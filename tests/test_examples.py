"""The examples, run as users run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.client import servers

ROOT = Path(__file__).parents[1]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_way_from_candidate_to_production(tmp_path: Path) -> None:
    """Told at a server of its own, of which nothing is left."""
    done = run(ROOT / "examples" / "approval.py", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        r"not met: auc is at least 0\.9 \(it is 0\.87\)",
        r"not met: the check 'bias' passes \(unknown\)",
        r"Self-approval refused\n +ada has asked for this",
        r"request \d+ is approved, by grace\n +fraud/2 is in Production",
        r"prod/scoring runs fraud/Production, now version 2",
        r"prod/scoring: runs 2, but Production is 3",
        r"Production: version 2 instead of 3\n +Production means fraud/2; .* it meant fraud/3",
        r"no drift: True",
        r"fraud/2 fine_tuned_from fraud/1",
        r"The log is sound",
        r"fraud: History: entry \d+ \(request\.approved by ada\) was changed\.",
    ):
        assert re.search(expected, done.stdout), (expected, done.stdout)
    steps = re.findall(r"^ +\d+  (\S+) +([a-z.]+\.[a-z]+)", done.stdout, re.MULTILINE)
    assert [kind for _, kind in steps if kind.startswith(("request", "stage", "deployment"))] == [
        *("request.created", "request.rejected"),
        *("request.created", "request.approved", "stage.changed", "deployment.declared"),
        *("request.created", "request.approved", "stage.changed", "stage.changed"),
        *("deployment.changed", "stage.changed", "stage.changed", "deployment.changed"),
    ]
    assert list(tmp_path.iterdir()) == []


def test_the_same_story_at_a_server_of_yours(tmp_path: Path) -> None:
    home = tmp_path / "home"
    muniment = ("-m", "muniment")
    assert run(*muniment, "init", "--home", home, "--admin", "root").returncode == 0
    token = run(*muniment, "token", "create", "--user", "root", "-q", "--registry", home)
    server = servers.start(home)
    try:
        for _ in range(2):  # names of its own each time
            done = run(
                ROOT / "examples" / "approval.py", server.url, MUNIMENT_TOKEN=token.stdout.strip()
            )
            assert (done.returncode, done.stderr) == (0, "")
            assert "Every step is in the log" in done.stdout
        shown = run(*muniment, "policy", "Production", "--registry", home)
        assert shown.stdout == "Entering Production demands nothing.\n"
    finally:
        server.end()


def test_from_a_table_to_a_registered_model(tmp_path: Path) -> None:
    """Compiled by the real SDK, trained by the real xgboost, run twice as the same execution."""
    done = run(
        "-W",
        "ignore",  # what the SDK and moto bring along
        ROOT / "examples" / "fraud_pipeline.py",
        TMPDIR=str(tmp_path),
        MUNIMENT_CACHE=str(tmp_path / "cache"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Compiled: 6 steps, offline" in done.stdout
    _, first, again = re.split(r"The first run\n|The same execution again\n", done.stdout)
    for steps_of_a_run in (first, again):
        assert steps_of_a_run.count(": Succeeded") == 6
        for expected in (
            r"In Muniment: tumours/1, xgboost, READY",
            r"test_auc (0\.9[5-9]|1\.0)\d*, team-ada",
            r"schema: 30 in, 1 out",
            r"produced_by pipeline tumours",
            r"trained_on dataset tumours\.csv",
            r"test/tumours-endpoint: pending",
            r"Its inference\.py says (0\.\d{4}), \1\n",
            r"In SageMaker, us-east-1: arn:aws:sagemaker:us-east-1:\d+:model-package/tumours/1\n",
            r"In SageMaker, eu-west-1: arn:aws:sagemaker:eu-west-1:\d+:model-package/tumours/1\n",
            r"Versions: 1\n",
        ):
            assert re.search(expected, steps_of_a_run), (expected, done.stdout)
    assert [file.name for file in tmp_path.iterdir()] in ([], ["cache"])
