"""What an examination finds: a list of checks, each with a verdict and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from muniment.domain.values import JsonObject


class Verdict(StrEnum):
    """How a check came out; a warning is something that some uses stumble over."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the checklist."""

    check: str
    verdict: Verdict
    message: str
    hint: str = ""

    def to_json(self) -> JsonObject:
        """Return the form that programs read."""
        return {
            "check": self.check,
            "verdict": self.verdict.value,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What was examined, and all that was found, in order."""

    address: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(finding.verdict is not Verdict.FAIL for finding in self.findings)

    def to_json(self) -> JsonObject:
        """Return the form that programs read."""
        return {
            "address": self.address,
            "ok": self.ok,
            "checks": [finding.to_json() for finding in self.findings],
        }


def ok(check: str, message: str) -> Finding:
    """Return what is as it should be."""
    return Finding(check, Verdict.OK, message)


def warn(check: str, message: str, hint: str) -> Finding:
    """Return what some uses stumble over."""
    return Finding(check, Verdict.WARN, message, hint)


def fail(check: str, message: str, hint: str) -> Finding:
    """Return what does not work."""
    return Finding(check, Verdict.FAIL, message, hint)
