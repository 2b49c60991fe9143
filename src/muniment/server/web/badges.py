"""What vouches for a version, as badges that say what they mean."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.checks import CheckResult, Verdict
from muniment.domain.entities import ModelVersion
from muniment.domain.signatures import Signatures, SignatureState

INTEGRITY: Final = "integrity"
SCAN: Final = "serialization"
"""The names of the checks that read all bytes again, and that look for code in them."""


@dataclass(frozen=True, slots=True)
class Badge:
    """One badge: `look` is good, bad, warn or quiet; `meaning` is a sentence."""

    look: str
    name: str
    meaning: str


def badges(
    version: ModelVersion,
    checks: Sequence[CheckResult],
    signatures: Signatures,
    waiting: Collection[str] = (),
) -> list[Badge]:
    """Return whether the content is verified, scanned and signed; checks in `waiting` will run."""
    verdicts = {check.name: check.verdict for check in checks}
    return [
        _content(version, verdicts.get(INTEGRITY)),
        _scan(verdicts.get(SCAN), waits=SCAN in waiting),
        _signature(signatures),
    ]


def _content(version: ModelVersion, verdict: Verdict | None) -> Badge:
    if not version.digest:
        name = "content elsewhere" if version.source_uri else "no content"
        meaning = "Its files are not in this registry: nobody can say whether they have changed."
        return Badge("warn", name, meaning)
    if verdict is Verdict.FAIL:
        return Badge("bad", "content damaged", "Files are not what the digest names any more.")
    again = " A check has read them all again since." if verdict is Verdict.PASS else ""
    return Badge(
        "good",
        "content verified",
        "The registry has hashed every byte as it came in: the digest names exactly these files."
        + again,
    )


def _scan(verdict: Verdict | None, *, waits: bool) -> Badge:
    match verdict:
        case Verdict.PASS:
            return Badge("good", "scanned", "A scan of its files found nothing that runs code.")
        case Verdict.FAIL:
            return Badge("bad", "unsafe", "A scan found something in its files that may run code.")
        case Verdict.UNKNOWN:
            meaning = "A scan could not tell whether its files are harmless: treat them as unsafe."
            return Badge("warn", "scan undecided", meaning)
    if waits:
        meaning = "A scan of its files is waiting to be run, or runs now."
        return Badge("warn", "scan pending", meaning)
    meaning = "Nothing has scanned its files. Loading formats that run code needs your trust."
    return Badge("warn", "not scanned", meaning)


def _signature(signatures: Signatures) -> Badge:
    match signatures.state:
        case SignatureState.VERIFIED:
            keys = ", ".join(signatures.keys)
            return Badge("good", "signed", f"Exactly these files are signed by {keys:.200}.")
        case SignatureState.INVALID:
            meaning = "There is a signature, and it is broken or about other files."
            return Badge("bad", "signature invalid", meaning)
        case SignatureState.UNTRUSTED:
            meaning = "It is signed by a key that this workspace does not trust."
            return Badge("warn", "signer unknown", meaning)
    return Badge("quiet", "unsigned", "Nobody has signed its files.")
