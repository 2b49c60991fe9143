"""What the project promises about itself: what importing costs, and files that agree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from muniment._version import __version__

ROOT = Path(__file__).parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements" / "dev.lock").read_text("utf-8")


def packages_loaded_by(statement: str) -> set[str]:
    """The top-level packages, the standard library's apart, that `statement` loads."""
    script = f"""
import json, sys
before = set(sys.modules)
{statement}
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(loaded - sys.stdlib_module_names)))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return set(json.loads(run.stdout))


def test_importing_muniment_loads_nothing_but_muniment() -> None:
    assert packages_loaded_by("import muniment") == {"muniment"}


@pytest.mark.parametrize("package", ["domain", "services"])
def test_rules_and_use_cases_need_the_standard_library_alone(package: str) -> None:
    modules = [path.stem for path in (ROOT / "src" / "muniment" / package).glob("[a-z]*.py")]
    assert modules
    names = ", ".join(f"muniment.{package}.{module}" for module in sorted(modules))
    assert packages_loaded_by(f"import {names}") == {"muniment"}


def declared() -> list[Requirement]:
    """Every requirement that pyproject.toml names; sagemaker-v2 has a lock of its own."""
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    extras = [v for k, v in project["optional-dependencies"].items() if k != "sagemaker-v2"]
    lists = [project["dependencies"], *extras, *groups.values()]
    return [Requirement(line) for lines in lists for line in lines if isinstance(line, str)]


def test_lock_file_pins_what_pyproject_declares_and_nothing_it_no_longer_declares() -> None:
    pins = re.findall(r"^([\w.-]+)==(\S+)((?:.*\n?)(?: .*\n?)*)", LOCK, re.MULTILINE)
    assert {name for name, _, rest in pins if "muniment (pyproject.toml" in rest} == {
        canonicalize_name(requirement.name) for requirement in declared()
    }, "run `make lock`"
    for requirement in declared():
        versions = [v for name, v, _ in pins if name == canonicalize_name(requirement.name)]
        assert versions
        assert all(version in requirement.specifier for version in versions), "run `make lock`"
    assert all("--hash=sha256:" in rest for _, _, rest in pins)


def test_lock_file_names_no_registry_and_no_path() -> None:
    assert not re.findall(r"://|--find-links|--(?:extra-)?index-url|(?:^|\s)/", LOCK)


def test_the_changelog_describes_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## \[{re.escape(__version__)}\]", changelog, re.MULTILINE)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_in_the_documents_exists(document: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    written = set(re.findall(r"\bmake ([a-z]+)", (ROOT / document).read_text("utf-8")))
    assert written
    assert written <= set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))


ENTRY_POINTS = [
    *PYPROJECT["project"]["scripts"].values(),
    *(
        target
        for group in PYPROJECT["project"]["entry-points"].values()
        for target in group.values()
    ),
]


@pytest.mark.parametrize("target", ENTRY_POINTS)
def test_every_entry_point_loads(target: str) -> None:
    script = f"""
from importlib.metadata import EntryPoint
assert callable(EntryPoint(name="", value={target!r}, group="").load())
"""  # in a process of its own, where the warnings of what it imports are no errors
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_a_skipped_test_fails_the_run_on_ci_alone(tmp_path: Path, ci: str, status: int) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n\ndef test_it():\n    pytest.skip('there is no database')\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == status, run.stdout + run.stderr
    assert "there is no database" in run.stdout
    assert ("on CI that fails the run" in run.stdout) == (status == 1)
