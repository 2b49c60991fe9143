"""All of this folder on the other generation of the SageMaker SDK, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDK2 = ROOT / ".venv-sagemaker2" / "bin" / "python"
"""Made by `make sagemaker`, from requirements/sagemaker2.lock."""


def test_generation_2_of_the_sdk_passes_the_same_tests() -> None:
    if not SDK2.exists():
        pytest.skip("there is no SageMaker SDK of generation 2; `make sagemaker` installs it")
    command = [
        SDK2, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--confcutdir=tests/pipelines",
        "tests/pipelines", "--ignore=tests/pipelines/scripts", "--ignore=tests/pipelines/runner",
        f"--ignore={Path(__file__).relative_to(ROOT)}",
    ]  # fmt: skip
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "passed" in ran.stdout
