"""One check in a process of its own: started, fed with bytes, ended when its time is over.

The process gets no environment but what Python needs, no file descriptor but its three, and of the
stores only the bytes of the version's own files, which it asks for by digest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from muniment.checks.process import NOTHING
from muniment.domain.checking import CheckConfiguration
from muniment.domain.checks import MAX_FINDINGS, Verdict
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.domain.values import Json, JsonObject
from muniment.errors import MunimentError
from muniment.storage.blobs import BlobStore

_PASSED_ON: Final = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")
_MAX_LINE: Final = 16 << 20
_MAX_FINDING: Final = 2_000


@dataclass(frozen=True, slots=True)
class Checked:
    """What came out of a run: a verdict in any case."""

    check: str
    verdict: Verdict
    findings: tuple[str, ...] = ()
    check_version: str = ""


def run_check(
    check: str,
    model: RegisteredModel,
    version: ModelVersion,
    manifest: Manifest,
    blobs: BlobStore,
    limits: CheckConfiguration,
) -> Checked:
    """Run a check on a version, and return what it found; `unknown` if it did not get that far."""
    plan: JsonObject = {
        "check": check,
        "version": version.to_json(),
        "manifest": manifest.content.decode(),
        "digest": manifest.digest,
        "model_description": model.description,
        "model_tags": dict(model.tags),
        "paths": _local_paths(manifest, blobs),
        "seconds": limits.seconds,
        "memory": limits.memory,
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "muniment.checks.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        close_fds=True,
    )
    over = threading.Event()

    def end() -> None:
        over.set()
        process.kill()

    clock = threading.Timer(limits.seconds, end)
    clock.start()
    try:
        said = _converse(process, plan, {file.digest for file in manifest.files}, blobs)
    except OSError:  # it is gone, in the middle of a word
        said = None
    finally:
        clock.cancel()
        process.kill()
        process.communicate()
    if said is None:
        why = f"took longer than {limits.seconds} s" if over.is_set() else "ended without a verdict"
        more = "" if over.is_set() else _signal(process.returncode)
        return Checked(check, Verdict.UNKNOWN, (f"The check {why}{more}.",))
    return _read(check, said)


def _local_paths(manifest: Manifest, blobs: BlobStore) -> dict[str, Json]:
    paths = {file.digest: blobs.local_path(file.digest) for file in manifest.files}
    return {digest: str(path) for digest, path in paths.items() if path is not None}


def _converse(
    process: subprocess.Popen[bytes], plan: JsonObject, digests: set[str], blobs: BlobStore
) -> JsonObject | None:
    """Answer what the process asks for, until it says what it found; None: it says no more."""
    to, back = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
    to.write(json.dumps(plan).encode() + b"\n")
    to.flush()
    while line := back.readline(_MAX_LINE):
        try:
            said = json.loads(line)
            if "outcome" in said:
                return cast(JsonObject, said["outcome"])
            digest, start, end = said["read"]
        except (ValueError, KeyError, TypeError):
            return None
        _answer(to, digest, start, end, digests, blobs)
    return None


def _answer(
    to: BinaryIO, digest: str, start: int, end: int, digests: set[str], blobs: BlobStore
) -> None:
    """Send bytes of a blob of the version; of no other."""
    data = None
    if digest in digests:
        try:
            data = b"".join(blobs.read(digest, start, end))
        except MunimentError:
            data = None  # the check learns that it can't be read
    to.write((NOTHING if data is None else len(data)).to_bytes(8, "big") + (data or b""))
    to.flush()


def _read(check: str, said: Mapping[str, Json]) -> Checked:
    try:
        findings = tuple(_cut(str(text)) for text in cast("list[Json]", said["findings"]))
        return Checked(
            check,
            Verdict(str(said["verdict"])),
            findings[:MAX_FINDINGS],
            _cut(str(said["version"]))[:100],
        )
    except (KeyError, ValueError, TypeError):
        return Checked(check, Verdict.UNKNOWN, ("The check said what can't be read.",))


def _cut(text: str) -> str:
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= _MAX_FINDING else clean[: _MAX_FINDING - 1] + "…"


def _signal(code: int | None) -> str:
    """Say what a process died of: the kernel ends one that uses more time than it may."""
    return f" (signal {-code})" if code is not None and code < 0 else f" (exit code {code})"
