"""What a scan says of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from muniment.domain.checks import Verdict
from muniment.domain.values import JsonObject

_ORDER = (Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a file that speaks against reading it.

    `file` is a path, with `!` before a path inside of an archive; `what` is what stands there,
    `why` is what could come of it. `unknown` means: nobody could tell whether it is harmless.
    """

    file: str
    what: str
    why: str
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.file}: {self.what}: {self.why}" if self.file else f"{self.what}: {self.why}"

    def to_json(self) -> JsonObject:
        """Return the form that `muniment scan --json` prints."""
        return {
            "file": self.file,
            "what": self.what,
            "why": self.why,
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True, slots=True)
class FileReport:
    """What a file is by its content, and what was found in it; no finding: pass."""

    name: str
    format: str
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        return worst(finding.verdict for finding in self.findings)

    def to_json(self) -> JsonObject:
        """Return the form that `muniment scan --json` prints."""
        return {
            "file": self.name,
            "format": self.format,
            "verdict": self.verdict.value,
            "findings": [finding.to_json() for finding in self.findings],
        }


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on the whole of what these are about the parts of."""
    return max(verdicts, key=_ORDER.index, default=Verdict.PASS)
