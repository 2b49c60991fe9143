"""One scan: how much it may still look at, where it is, and what it has found so far."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast

from muniment.domain.checks import Verdict
from muniment.scanning.report import Finding

MAX_FINDINGS: Final = 200
"""Of one file: nobody reads more."""

_IN_MEMORY: Final = 8 << 20
_SMALL: Final = 64 << 20  # no bomb, whatever it came from


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a scan looks at before it gives up, which is a finding of its own.

    `unpacked` and `ratio` (both: bytes that come out of compressed parts) stop archive bombs;
    `operations` is the number of pickle opcodes, `depth` that of archives in archives.
    """

    depth: int = 6
    members: int = 100_000
    unpacked: int = 64 << 30
    ratio: int = 1_100
    operations: int = 200_000_000
    document: int = 64 << 20


class GaveUp(Exception):
    """The scan of a part can't go on; the message says why."""


@dataclass(slots=True)
class Budget:
    """What is left of the limits; shared by all parts of a file."""

    limits: Limits
    members: int = 0
    unpacked: int = 0
    operations: int = 0

    def member(self) -> None:
        """Count a member of an archive."""
        self.members += 1
        if self.members > self.limits.members:
            raise GaveUp(f"it holds more than {self.limits.members:,} files")

    def unpack(self, size: int) -> None:
        """Count bytes that came out of something compressed."""
        self.unpacked += size
        if self.unpacked > self.limits.unpacked:
            raise GaveUp(f"it unpacks to more than {self.limits.unpacked:,} bytes")


@dataclass(slots=True)
class Scan:
    """Where a scan is: in the part `name` of a file, `depth` archives deep.

    `look` scans a part by its content and returns its format.
    """

    name: str
    budget: Budget
    look: Callable[[BinaryIO, Scan], str]
    findings: list[Finding] = field(default_factory=list)
    depth: int = 0

    def fail(self, what: str, why: str) -> None:
        """Note that something is bad."""
        self._find(what, why, Verdict.FAIL)

    def unknown(self, what: str, why: str) -> None:
        """Note that nobody can tell whether something is bad."""
        self._find(what, why, Verdict.UNKNOWN)

    def _find(self, what: str, why: str, verdict: Verdict) -> None:
        finding = Finding(self.name, shown(what), why, verdict)
        if finding not in self.findings and len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        elif verdict is Verdict.FAIL and len(self.findings) >= MAX_FINDINGS:
            self.findings[-1] = finding  # a crowd of lesser findings hides no worse one

    def inside(self, name: str) -> Scan:
        """Return the scan of the part that is called `name` in this one."""
        if self.depth >= self.budget.limits.depth:
            raise GaveUp(f"it is nested more than {self.budget.limits.depth} deep")
        path = f"{self.name}!{shown(name)}"
        return Scan(path, self.budget, self.look, self.findings, self.depth + 1)

    def part(self, file: BinaryIO, name: str) -> str:
        """Scan a part that is called `name`, and return its format."""
        return self.look(file, self.inside(name))


def shown(text: str) -> str:
    """Return a text from a file so that it can't play tricks on whoever reads it."""
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:300])
    return printable if len(text) <= 300 else printable + "…"


class _Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def window(file: BinaryIO, start: int, size: int) -> BinaryIO:
    """Return a part of a seekable file as a file of its own."""
    return cast(BinaryIO, io.BufferedReader(_Window(file, start, size), 1 << 16))


def size_of(file: BinaryIO) -> int:
    """Return the size of a seekable file in bytes; it is read from its start next."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def spool(
    read: Callable[[int], bytes], budget: Budget, packed: int
) -> tuple[BinaryIO, Exception | None]:
    """Return what `read` yields as a seekable file, and the error that ended it early, if any.

    Raises:
        GaveUp: more comes out of the `packed` bytes than the limits allow.
    """
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever asks closes it
    total, broken = 0, None
    allowed = max(packed * budget.limits.ratio, _SMALL)
    while True:
        try:
            data = read(1 << 18)
        except Exception as e:
            broken = e
            break
        if not data:
            break
        total += len(data)
        budget.unpack(len(data))
        if total > allowed:
            file.close()
            raise GaveUp(f"{packed:,} bytes unpack to more than {allowed:,}: an archive bomb")
        file.write(data)
    file.seek(0)
    return cast(BinaryIO, file), broken
