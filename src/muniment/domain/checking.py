"""Which checks a workspace wants, and versions that wait for theirs.

sealed ──> due: one record, in the same transaction ──> checked ──> results; the record is gone
                                               └─ whoever works dies: still due

Results and what is due make the version's `checks`, what all of them say together: `check_state`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from muniment.domain import names
from muniment.domain.checks import CheckState, Verdict, verdicts
from muniment.domain.records import Record, RecordKind
from muniment.domain.values import Json, JsonObject, as_object
from muniment.errors import InvalidInput

DOCUMENT: Final = "checks"
"""The name under which a workspace's document is kept."""

CHECK_KINDS: Final = (RecordKind.CHECK, RecordKind.CHECKING)
"""Of the records that `check_state` looks at."""

DEFAULT_CHECKS: Final = ("integrity", "formats", "serialization", "archives")
MAX_CHECKS: Final = 50
MAX_SECONDS: Final = 24 * 3_600
LEAST_MEMORY: Final = 256 << 20
MAX_MEMORY: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class CheckConfiguration:
    """What is run on a version when it is sealed; each check has `seconds` and `memory` (bytes).

    `revision` counts the changes; it is 0 as long as the defaults hold.
    """

    checks: tuple[str, ...] = DEFAULT_CHECKS
    seconds: int = 600
    memory: int = 4 << 30
    revision: int = 0

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "checks": list(self.checks),
            "seconds": self.seconds,
            "memory": self.memory,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json, *, revision: int = 0) -> CheckConfiguration:
        """Read what `to_json` wrote; `revision` is the document's."""
        v = as_object(value, "a configuration of checks")
        return cls(
            checks=tuple(cast("list[str]", v["checks"])),
            seconds=cast(int, v["seconds"]),
            memory=cast(int, v["memory"]),
            revision=cast(int, v.get("revision", 0)) or revision,
        )

    def checked(self, available: Iterable[str]) -> CheckConfiguration:
        """Return this if it keeps the rules, and all of its checks exist. Raises InvalidInput."""
        known = list(available)
        for name in self.checks:
            names.check_label(name)
            if name not in known:
                raise InvalidInput(
                    f"There is no check {name!r:.100} here.", hint=f"There are {', '.join(known)}."
                )
        if len(set(self.checks)) != len(self.checks) or len(self.checks) > MAX_CHECKS:
            raise InvalidInput(f"At most {MAX_CHECKS} checks, and each of them once.")
        if not 1 <= self.seconds <= MAX_SECONDS:
            raise InvalidInput(
                f"{self.seconds} seconds for a check; 1 to {MAX_SECONDS} are possible."
            )
        if not LEAST_MEMORY <= self.memory <= MAX_MEMORY:
            raise InvalidInput(
                f"{self.memory} bytes for a check; {LEAST_MEMORY} to {MAX_MEMORY} are possible."
            )
        return self


def due_record(version: int, now: datetime, checks: Iterable[str] = ()) -> Record:
    """Return the record that a version waits for `checks` (none: those of its workspace)."""
    return Record(
        kind=RecordKind.CHECKING,
        created_at=now,
        body={"checks": list(checks)},
        version=version,
        state="due",
    )


def checks_of(record: Record) -> tuple[str, ...]:
    """Return the checks that a record names; none: those of the workspace."""
    return tuple(cast("list[str]", record.body["checks"]))


def check_state(records: Iterable[Record]) -> CheckState:
    """Return what the checks of a version say together; `records` are its results and what is due.

        FAILED    the latest verdict of a check is not `pass`: `unknown` blocks as `fail` does
        WAITING   else, if a check is due that has no verdict yet
        PASSED    else, if there are verdicts
        NONE      nobody has asked for any

    What is due and names no checks stands for the workspace's, on content that none has looked at.
    """
    kept = list(records)
    latest = verdicts(record for record in kept if record.kind is RecordKind.CHECK)
    if any(verdict != Verdict.PASS for verdict in latest.values()):
        return CheckState.FAILED
    due = [checks_of(record) for record in kept if record.kind is RecordKind.CHECKING]
    if any(not named or not latest.keys() >= set(named) for named in due):
        return CheckState.WAITING
    return CheckState.PASSED if latest else CheckState.NONE


def check_states(records: Iterable[Record]) -> dict[int, CheckState]:
    """Return what the checks of each version say together, of a model's records of any kind."""
    by_version: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        if record.kind in CHECK_KINDS and record.version is not None:
            by_version[record.version].append(record)
    return {number: check_state(found) for number, found in by_version.items()}
