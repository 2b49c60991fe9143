"""Texts: data, descriptions that loaders act upon, and programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from muniment.scanning.documents import examine
from muniment.scanning.looking import Scan, shown, size_of

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_PROGRAMS: Final = {
    ".py": "Python", ".pyw": "Python", ".sh": "a shell script", ".bash": "a shell script",
    ".zsh": "a shell script", ".ps1": "a PowerShell script", ".bat": "a batch file",
    ".cmd": "a batch file", ".js": "JavaScript", ".mjs": "JavaScript", ".r": "R", ".pl": "Perl",
    ".rb": "Ruby", ".lua": "Lua", ".jl": "Julia", ".pth": "a path file of Python",
}  # fmt: skip
_PROSE: Final = frozenset({".md", ".rst", ".txt", ".csv", ".tsv", ".html", ".xml", ".svg"})
_PYTHON: Final = re.compile(r"^(import [\w.]+|from [\w.]+ import )", re.MULTILINE)
_YAML_TAG: Final = re.compile(r"!!?python/|tag:yaml\.org,2002:python|!<tag:|%TAG")
_LOADER: Final = re.compile(r"^ +loader_module: (mlflow(?:\.[a-z_]+)+)\s*$", re.MULTILINE)
_HIDING: Final = re.compile(r"\\[ux]|[&*]\w+\s*$|<<\s*:|loader_module[\"']", re.MULTILINE)
_OWN_CODE: Final = re.compile(r"^ +(code|model_code_path): (?!null\b|~\s*$)\S", re.MULTILINE)


def is_text(head: bytes) -> bool:
    """Say whether the start of a file is UTF-8 text."""
    if _CONTROL.search(head):
        return False
    for cut in range(4):  # a character may be cut at the end of the head
        try:
            head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


def scanner_of(name: str) -> Callable[[BinaryIO, Scan], str]:
    """Return what scans a text that is called `name`."""
    base = PurePosixPath(name.rpartition("!")[2])

    def scan_text(file: BinaryIO, scan: Scan) -> str:
        size = size_of(file)
        text = file.read(scan.budget.limits.document).decode("utf-8", "replace")
        whole = size <= scan.budget.limits.document
        if text.startswith("#!") or base.suffix.lower() in _PROGRAMS:
            what = _PROGRAMS.get(base.suffix.lower(), "a script")
            scan.unknown(f"is {what}", "it is a program")
            return "script"
        if base.name == "MLmodel":
            return _scan_mlmodel(text, scan)
        if text.lstrip()[:1] in ("{", "["):
            return _scan_json(text, scan, whole=whole)
        if "python_function" in text:
            return _scan_mlmodel(text, scan)
        if _YAML_TAG.search(text) and base.suffix.lower() not in _PROSE:
            scan.fail("has YAML tags that make Python objects", "an unsafe YAML loader runs them")
        if base.suffix.lower() not in _PROSE and _PYTHON.search(text):
            scan.unknown("reads like Python", "it may be a program")
            return "script"
        return "text"

    return scan_text


def _scan_json(text: str, scan: Scan, *, whole: bool) -> str:
    if not whole:
        if '"class_name"' in text or '"__loader__"' in text or "\\u00" in text:
            scan.unknown("is too large to be read as JSON", "a loader may act upon it")
        return "json"
    try:
        return examine(json.loads(text), scan)
    except ValueError:
        if _YAML_TAG.search(text):
            scan.fail("has YAML tags that make Python objects", "an unsafe YAML loader runs them")
        if "python_function" in text:
            return _scan_mlmodel(text, scan)
        return "text"


def _scan_mlmodel(text: str, scan: Scan) -> str:
    """Scan a description of MLflow's, by its lines: what says more than those does not pass."""
    if _YAML_TAG.search(text):
        scan.fail("has YAML tags that make Python objects", "an unsafe YAML loader runs them")
    loaders = _LOADER.findall(text)
    if text.count("loader_module") != len(loaders) or _HIDING.search(text):
        scan.unknown("names a loader that is not MLflow's own", "MLflow imports and calls it")
    for loader in loaders:
        if loader == "mlflow.pyfunc.model":
            scan.unknown("is a Python model of MLflow's", "MLflow unpickles it, with its code")
    for match in _OWN_CODE.finditer(text):
        scan.unknown(f"brings its own code ({shown(match.group(1))})", "MLflow imports it")
    return "mlmodel"
