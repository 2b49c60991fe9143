"""Ask for known vulnerabilities in the packages that requirements/dev.lock pins.

0  none is known, or the vulnerability service could not be asked: then a warning says so
1  some are known; pip-audit's table names them

The service is not always within reach (a machine with a package mirror alone), and pip-audit
itself calls it a success when it knows none of the packages. Nobody is to take that for an audit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).parent / "dev.lock"


@dataclass(frozen=True)
class Report:
    """What pip-audit found: packages that it asked about, could not ask about, and faults."""

    audited: int
    unknown: int
    faults: list[str]


def audit(lock: Path) -> Report | str:
    """Ask about every package of a lock file; return why not, if the service is out of reach."""
    run = subprocess.run(  # noqa: S603  # our own tool, from this environment
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes"),
            *("--disable-pip", "--progress-spinner", "off", "--format", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return read(run.stdout)
    except (ValueError, KeyError):
        said = run.stderr.strip().splitlines() or [f"pip-audit ended with {run.returncode}"]
        return said[-1][:300]


def read(answer: str) -> Report:
    """Read pip-audit's JSON. Raises ValueError or KeyError if it is none."""
    packages = json.loads(answer)["dependencies"]
    asked = [package for package in packages if "skip_reason" not in package]
    faults = [
        f"{package['name']} {package['version']}: {fault['id']} "
        f"(mended in {', '.join(fault['fix_versions']) or 'no version yet'})"
        for package in asked
        for fault in package["vulns"]
    ]
    return Report(len(asked), len(packages) - len(asked), faults)


def main() -> int:
    """Audit, say what came of it, and return the exit code."""
    report = audit(LOCK)
    if isinstance(report, str):
        warn(f"the vulnerability service could not be asked: {report}")
        return 0
    for fault in report.faults:
        sys.stderr.write(f"VULNERABLE  {fault}\n")
    if report.unknown:
        warn(
            f"the vulnerability service knows {report.audited} of "
            f"{report.audited + report.unknown} packages here"
        )
    elif not report.faults:
        sys.stdout.write(f"No vulnerability is known in {report.audited} packages.\n")
    return 1 if report.faults else 0


def warn(why: str) -> None:
    """Say, where nobody overlooks it, that this was no audit."""
    sys.stderr.write(
        f"WARNING: NOT AUDITED: {why}.\nRun `make audit` where that service is within reach.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
