"""A check by somebody else's scanner: what it finds counts; a pass of it proves little."""

from __future__ import annotations

from typing import ClassVar

from muniment.checks.interface import Outcome, Subject, SubjectFile
from muniment.domain.checks import Verdict
from muniment.scanning import scan_file


class Picklescan:
    """Does picklescan know of something bad in a file? Needs the extra `scan`."""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Have all files scanned; what picklescan can't read is unknown."""
        try:
            from picklescan.scanner import SafetyLevel, scan_bytes
        except ImportError:
            return Outcome(
                Verdict.UNKNOWN,
                ("picklescan is not installed here: pip install 'muniment[scan]'.",),
            )
        bad: list[str] = []
        unread: list[str] = []
        for file in subject.files:
            extension = "." + file.path.rpartition(".")[2]
            with file.open() as opened:
                result = scan_bytes(opened, file.path, extension)
            bad += [
                f"{file.path}: imports {found.module}.{found.name}: picklescan calls it dangerous."
                for found in result.globals
                if found.safety is SafetyLevel.Dangerous
            ]
            # It can't follow joblib's arrays; what our own scan reads to its end is in no doubt.
            if result.scan_err and not _readable(file):
                unread.append(f"{file.path}: picklescan could not read it to its end.")
        if bad:
            return Outcome.of([*bad, *unread])
        return Outcome.of(unread, otherwise=Verdict.UNKNOWN)


def _readable(file: SubjectFile) -> bool:
    with file.open() as opened:
        return scan_file(opened, file.path).verdict is Verdict.PASS
