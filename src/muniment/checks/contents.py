"""Checks of the bytes: integrity, formats, serialization, archives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import BinaryIO, ClassVar

from muniment.checks.interface import Outcome, Subject
from muniment.domain.checks import Verdict
from muniment.scanning import FileReport, Finding, format_of, scan_archive, scan_file, worst

_CHUNK = 1 << 20


class Integrity:
    """Are the bytes of every file those that the manifest says?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Read all files, and compare their sizes and digests."""
        findings = []
        for file in subject.files:
            digest, size = hashlib.sha256(), 0
            with file.open() as opened:
                while data := opened.read(_CHUNK):
                    digest.update(data)
                    size += len(data)
            if size != file.entry.size:
                findings.append(f"{file.path}: has {size} bytes, not {file.entry.size}.")
            elif digest.hexdigest() != file.entry.digest:
                findings.append(f"{file.path}: its bytes are not those of {file.entry.digest}.")
        return Outcome.of(findings)


class Formats:
    """Is every file of a format that is known, by its content?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Recognise all files."""
        return _of_files(subject, format_of)


class Serialization:
    """Could reading a file, with the library that it is for, run code?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Scan all files, and what is packed in them."""
        return _of_files(subject, scan_file)


class Archives:
    """Are archives what they seem: no bombs, no names that lead out, no links, nothing hidden?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Look through all archives, and archives in them."""
        return _of_files(subject, scan_archive)


def _of_files(subject: Subject, scan: Callable[[BinaryIO, str], FileReport]) -> Outcome:
    reports = []
    for file in subject.files:
        with file.open() as opened:
            reports.append(scan(opened, file.path))
    verdict = worst(report.verdict for report in reports)
    findings = [f"{finding}." for report in reports for finding in _worst_first(report)]
    return Outcome.of(findings, otherwise=verdict)


def _worst_first(report: FileReport) -> list[Finding]:
    return sorted(report.findings, key=lambda finding: finding.verdict is not Verdict.FAIL)
