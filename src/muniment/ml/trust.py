"""May these files be read, although reading them could run code?

    suspect ──> its caller says trust=True ──────────────────────────> yes
        └─────> scanned here, on this machine: pass ─────────────────> yes
                                               fail, unknown ────────> PermissionDenied

Where only signed models may be loaded (`MUNIMENT_SIGNED_ONLY`, or a loader's `signed`), that is
asked before, of all formats: a key that the workspace trusts must have signed the version.

Which files are suspect follows from what is going to read them, never from what they are called.
Nothing in the model's files can make them trusted: no list, no signature of theirs, no flag.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muniment.domain.checks import Verdict
from muniment.domain.signatures import SignatureState
from muniment.errors import PermissionDenied
from muniment.scanning import scan_file

SIGNED_ONLY: Final = "MUNIMENT_SIGNED_ONLY"


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something whose reading runs code: a file of the model, or (`path` None) no single file."""

    reason: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a scan said of a file."""

    verdict: Verdict
    findings: tuple[str, ...] = ()


def judge(file: Path) -> Judgement:
    """Return the verdict on a file. The one place where a loader asks for one.

    A pass must be about the file read as a pickle, or as an archive of them: of whatever is not
    recognised as one, nobody can tell what its reader will make.
    """
    report = scan_file(file)
    return Judgement(
        report.verdict, tuple(f"{finding.what} ({finding.why})" for finding in report.findings)
    )


def require_trust(name: str, folder: Path, suspects: Iterable[Suspect], *, trust: bool) -> None:
    """Return if nothing speaks against reading the model `name`, whose files are in `folder`.

    Raises:
        PermissionDenied: it may run code; the message says what was found, and what to do.
    """
    if trust:
        return
    found = [finding for suspect in suspects for finding in _against(folder, suspect)]
    if found:
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise PermissionDenied(
            f"Loading {name} may run code of whoever wrote it: {'; '.join(found[:3])}{more}.",
            hint="If you trust them, load it with trust=True; else ask them for a format "
            "without code: xgboost, lightgbm, onnx, safetensors.",
            details={"findings": found},
        )


def signed_only() -> bool:
    """Say whether the environment lets loaders load nothing but what a trusted key has signed."""
    return os.environ.get(SIGNED_ONLY, "").lower() in ("1", "true", "yes", "on")


def require_signature(name: str, state: SignatureState, *, trust: bool) -> None:
    """Return if a trusted key has signed what is to be loaded, or its caller trusts it anyway.

    Raises:
        PermissionDenied: no trusted key has.
    """
    if trust or state is SignatureState.VERIFIED:
        return
    raise PermissionDenied(
        f"No trusted key has signed {name}: its signatures are {state.value!r}.",
        hint=f"`muniment sign {name}` signs it, `muniment keys trust` says whose signatures count; "
        "trust=True loads it all the same.",
        details={"signatures": state.value},
    )


def _against(folder: Path, suspect: Suspect) -> list[str]:
    if suspect.path is None:
        return [suspect.reason]
    judgement = judge(folder / suspect.path)
    if judgement.verdict is Verdict.PASS:
        return []
    said = ", ".join(judgement.findings[:3]) or "no findings"
    return [f"{suspect.path!r:.200} ({suspect.reason}): {judgement.verdict.value}, {said}"]
