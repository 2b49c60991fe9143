"""The process that runs one check: `python -m muniment.checks.process`.

    stdin   ──> one line: the plan (which check, which version, which limits)
    stdout  <── {"read": [digest, start, end]}   for bytes that are not in a local file
    stdin   ──> their number (8 bytes, big-endian), and the bytes; 2^64-1: there are none
    stdout  <── {"outcome": …}                   the last line

What the check itself prints goes to stderr. Before any code of a plugin is loaded, the limits are
set, and the environment was cleared by whoever started the process.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import BinaryIO, Final, cast

from muniment.checks.available import make
from muniment.checks.interface import Outcome, Subject
from muniment.domain.checks import Verdict
from muniment.domain.entities import ModelVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import JsonObject

NOTHING: Final = (1 << 64) - 1
_PIECE: Final = 4 << 20


class _Pipe:
    """The two ends of the conversation with whoever started this process."""

    def __init__(self, answers: BinaryIO, questions: BinaryIO) -> None:
        self.answers, self.questions = answers, questions

    def say(self, document: JsonObject) -> None:
        self.questions.write(json.dumps(document).encode() + b"\n")
        self.questions.flush()

    def ask(self, digest: str, start: int, end: int) -> bytes:
        self.say({"read": [digest, start, end]})
        size = int.from_bytes(self.answers.read(8), "big")
        if size == NOTHING:
            raise OSError(f"the blob {digest} can't be read")
        return self.answers.read(size)


class _Blob(io.RawIOBase):
    """A blob that is read through the pipe."""

    def __init__(self, pipe: _Pipe, entry: FileEntry) -> None:
        self._pipe, self._entry, self._at = pipe, entry, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._entry.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        end = min(self._at + min(len(buffer), _PIECE), self._entry.size)
        if end <= self._at:
            return 0
        data = self._pipe.ask(self._entry.digest, self._at, end)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def main() -> None:
    """Run the check that the plan names, and say what it found."""
    pipe = _Pipe(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    plan = json.loads(pipe.answers.readline())
    _limit(seconds=plan["seconds"], memory=plan["memory"])
    try:
        check = make(plan["check"])
        outcome = check.check(_subject(plan, pipe))
        version = str(getattr(check, "version", ""))
    except MemoryError:
        outcome = Outcome(Verdict.UNKNOWN, (f"It needs more than {plan['memory']:,} bytes.",))
        version = ""
    except Exception as error:  # whatever a plugin raises
        outcome = Outcome(Verdict.UNKNOWN, (f"The check broke: {error!r:.500}.",))
        version = ""
    said: JsonObject = {
        "verdict": Verdict(outcome.verdict).value,
        "findings": [str(finding) for finding in outcome.findings],
        "version": version,
    }
    pipe.say({"outcome": said})


def _subject(plan: JsonObject, pipe: _Pipe) -> Subject:
    paths = cast("dict[str, str]", plan["paths"])

    def opened(entry: FileEntry) -> BinaryIO:
        if entry.digest in paths:
            return open(paths[entry.digest], "rb")  # noqa: PTH123 - the caller closes it
        return cast(BinaryIO, io.BufferedReader(_Blob(pipe, entry), 1 << 20))

    content = cast(str, plan["manifest"]).encode()
    return Subject(
        version=ModelVersion.from_json(plan["version"]),
        manifest=Manifest.parse(content, digest=cast(str, plan["digest"])),
        opened=opened,
        model_description=cast(str, plan["model_description"]),
        model_tags=cast("dict[str, str]", plan["model_tags"]),
    )


def _limit(*, seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: time alone is limited, by whoever started this
        return
    for kind, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of memory
            resource.setrlimit(kind, (most, most))
    with contextlib.suppress(OSError):
        os.nice(10)


if __name__ == "__main__":
    main()
