"""What the server's code never does: run what it stores, start a shell, carry a password."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "muniment"
SERVING = ("server", "services", "storage", "domain")
FILES = [path for part in SERVING for path in sorted((SOURCE / part).rglob("*.py"))]

# Modules that turn bytes into objects by running them, or that unpack archives.
MODULES = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "torch",
    "code", "codeop", "ctypes", "pty", "pdb", "telnetlib", "xmlrpc", "yaml",
    "tarfile", "zipfile", "shutil.unpack_archive",
}  # fmt: skip
BUILTINS = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
CALLS = {
    "os.system", "os.popen", "os.execv", "os.execve", "os.execvp", "os.spawnl", "os.spawnv",
    "os.startfile", "asyncio.create_subprocess_shell", "asyncio.create_subprocess_exec",
    "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call",
    "subprocess.check_output", "subprocess.getoutput", "subprocess.getstatusoutput",
    "tempfile.mktemp", "shutil.unpack_archive", "logging.config.fileConfig",
    "importlib.import_module", "runpy.run_path", "runpy.run_module",
    "ssl._create_unverified_context", "ssl._create_default_https_context",
}  # fmt: skip


def forbidden(tree: ast.AST) -> Iterator[str]:
    """Yield what a module does that it must not."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = alias.name
                if alias.name.partition(".")[0] in MODULES:
                    yield f"line {node.lineno}: import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                whole = f"{node.module}.{alias.name}"
                if (node.module or "").partition(".")[0] in MODULES or whole in CALLS:
                    yield f"line {node.lineno}: from {node.module} import {alias.name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        head, dot, rest = called.partition(".")
        full = names.get(head, head) + dot + rest
        if full in CALLS or called in BUILTINS:
            yield f"line {node.lineno}: {called}(…)"
        for keyword in node.keywords:
            value = keyword.value
            if (
                (keyword.arg == "shell" and isinstance(value, ast.Constant) and value.value)
                or (
                    keyword.arg == "verify"
                    and isinstance(value, ast.Constant)
                    and value.value is False
                )
                or keyword.arg == "allow_pickle"
            ):
                yield f"line {node.lineno}: {called}({keyword.arg}={ast.unparse(value)})"


ALLOWED: dict[str, set[str]] = {
    # A fixed module of ours, in this Python: it runs a check apart from the server's process.
    "services/checking/running.py": {"subprocess.Popen(…)"},
    # Asks the C library, after the start, to give back memory that is free.
    "server/run.py": {"import ctypes"},
    # Reads and writes archives of whole registries by their headers; extracts nothing by a name.
    "services/moving/tars.py": {"import tarfile"},
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_server_runs_nothing_that_it_stores_and_starts_no_shell(path: Path) -> None:
    known = ALLOWED.get(path.relative_to(SOURCE).as_posix(), set())
    found = forbidden(ast.parse(path.read_text("utf-8")))
    assert not [what for what in found if what.partition(": ")[2] not in known]


@pytest.mark.parametrize(
    "path",
    [path for part in ("checks", "scanning") for path in sorted((SOURCE / part).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_a_scan_makes_nothing_of_what_it_looks_at(path: Path) -> None:
    found = [*forbidden(ast.parse(path.read_text("utf-8")))]
    reads = ("zipfile", "tarfile")  # directories of archives; nothing is extracted
    found = [what for what in found if not what.endswith(reads)]
    assert found == (
        # lz4 by its name alone: it need not be installed
        [what for what in found if "importlib.import_module" in what]
        if path.name == "compressed.py"
        else []
    )
    assert ".extract" not in path.read_text("utf-8")


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import yaml",
        "import numpy\nnumpy.load(x, allow_pickle=True)",
        "eval('1')",
        "exec(text)",
        "import os\nos.system('ls')",
        "from os import system",
        "import os as o\no.popen('ls')",
        "import subprocess\nsubprocess.run('ls')",
        "from subprocess import run\nrun(['ls'])",
        "import asyncio\nasyncio.create_subprocess_shell('ls')",
        "spawn('ls', shell=True)",
        "client(verify=False)",
        "import tarfile",
        "from shutil import unpack_archive",
    ],
)
def test_the_walk_finds_what_it_looks_for(code: str) -> None:
    assert list(forbidden(ast.parse(code)))


def test_loading_the_server_loads_nothing_that_unpickles_or_unpacks() -> None:
    script = (
        "import sys\nfrom muniment.server.app import create_app\n"
        "from muniment.server.settings import Settings\ncreate_app(Settings())\n"
        "print(' '.join(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "muniment.server.app" in loaded
    assert not loaded & {"joblib", "dill", "cloudpickle", "yaml", "torch", "sklearn", "numpy"}


def test_the_linter_keeps_its_rules_against_injection_in_what_serves() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in rules["select"]
    dangerous = {"S102", "S104", "S301", "S307", "S324", "S501", "S506", "S602", "S605", "S608"}
    assert not dangerous & set(rules["ignore"])
    for pattern, ignored in rules["per-file-ignores"].items():
        if pattern.startswith("src/"):
            assert not {rule for rule in ignored if rule.startswith("S")}, pattern


def test_exceptions_from_those_rules_are_few_and_say_why() -> None:
    for path in (path for path in FILES if "conformance" not in path.parts):
        for line in path.read_text("utf-8").splitlines():
            if found := re.search(r"# noqa: ((?:S\d+(?:, )?)+)(.*)", line):
                rules = set(found[1].split(", "))
                assert rules <= {"S101", "S104", "S105", "S106", "S311", "S608", "S704"}, (
                    path,
                    line,
                )


def test_no_password_and_no_token_is_shipped() -> None:
    secret = re.compile(
        r"""mun_[0-9a-f]{8,}_|\$argon2|BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}"""
        r"""|(?i:password|passwd|secret)\w*\s*=\s*(?:b?['"])[^'"{}$<>*.…\s]{4,}['"]"""
    )
    allowed = {"storage/conformance/accounts/people.py"}
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file() and path.suffix not in (".pyc", ".png", ".ico", ".woff2"):
            if str(path.relative_to(SOURCE)) in allowed:
                continue
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                found = secret.search(line)
                if found and "# noqa: S105" not in line:
                    raise AssertionError(f"{path}:{number}: {found.group()!r}")


# -- known vulnerabilities -----------------------------------------------------------------------


def audit_script() -> object:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "requirements" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


def pip_audit(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {
    "name": "bad",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "far", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("answer", "code", "out", "err"),
    [
        (pip_audit(GOOD), 0, "No vulnerability is known in 1 packages", ""),
        (pip_audit(GOOD, BAD), 1, "", "VULNERABLE  bad 2: PYSEC-1 (mended in 3)"),
        (pip_audit(GOOD, UNKNOWN), 0, "", "NOT AUDITED: the vulnerability service knows 1 of 2"),
        (pip_audit(BAD, UNKNOWN), 1, "", "NOT AUDITED"),
        ("", 0, "", "NOT AUDITED: the vulnerability service could not be asked: no route"),
    ],
)
def test_an_audit_fails_on_findings_and_never_passes_for_one_that_did_not_happen(
    answer: str,
    code: int,
    out: str,
    err: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, stdout=answer, stderr="…\nno route\n")

    script = audit_script()
    monkeypatch.setattr("audit.subprocess.run", run)
    assert script.main() == code  # type: ignore[attr-defined]
    said = capsys.readouterr()
    assert out in said.out
    assert err in said.err
    assert ("No vulnerability" in said.out) == bool(out)


def test_make_check_audits_the_lock_file() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    check = makefile[makefile.index("\ncheck:") :].partition("\n\n")[0]
    assert "requirements/audit.py" in check
