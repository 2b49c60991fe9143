"""Checks: verdicts on a version, which the policies of stages may demand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, cast

from muniment.domain import names
from muniment.domain.records import Record, RecordKind
from muniment.domain.values import Json, JsonObject, as_object, time_from_json, time_to_json
from muniment.errors import InvalidInput

MAX_FINDINGS: Final = 1_000


class Verdict(StrEnum):
    """What a check found; `unknown` (it could not tell) blocks as `fail` does."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNKNOWN = "unknown"


class CheckState(StrEnum):
    """What the checks of a version say together; see `checking.check_state`."""

    NONE = ""  # none was asked for
    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check said of a version; `findings` are sentences, `url` leads to its report.

    `digest` is that of the manifest that it looked at, `check_version` its own version: both are
    empty where somebody else reported the result.
    """

    model: str
    version: int
    name: str
    verdict: Verdict
    created_at: datetime
    created_by: str
    findings: tuple[str, ...] = ()
    url: str = ""
    digest: str = ""
    check_version: str = ""
    id: int = 0
    model_id: int = 0

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "name": self.name,
            "verdict": self.verdict.value,
            "findings": list(self.findings),
            "url": self.url,
            "digest": self.digest,
            "check_version": self.check_version,
            "created_at": time_to_json(self.created_at),
            "created_by": self.created_by,
        }

    @classmethod
    def from_json(cls, value: Json) -> CheckResult:
        """Read what `to_json` wrote."""
        v = as_object(value, "the result of a check")
        return cls(
            id=cast(int, v["id"]),
            model=cast(str, v["model"]),
            version=cast(int, v["version"]),
            name=cast(str, v["name"]),
            verdict=Verdict(cast(str, v["verdict"])),
            findings=tuple(cast("list[str]", v["findings"])),
            url=cast(str, v["url"]),
            digest=cast(str, v.get("digest", "")),
            check_version=cast(str, v.get("check_version", "")),
            created_at=time_from_json(cast(str, v["created_at"])),
            created_by=cast(str, v["created_by"]),
        )

    def to_record(self) -> Record:
        """Return what a store keeps."""
        body = self.to_json()
        for key in ("id", "model", "version", "verdict", "created_at"):
            del body[key]
        return Record(
            kind=RecordKind.CHECK,
            created_at=self.created_at,
            body=body,
            version=self.version,
            state=self.verdict.value,
            keys=(f"name:{self.name}",),
            id=self.id,
            model_id=self.model_id,
        )

    @classmethod
    def from_record(cls, record: Record, model: str) -> CheckResult:
        """Read a record of the model that is called `model` now."""
        document: JsonObject = {
            **record.body,
            "id": record.id,
            "model": model,
            "version": record.version,
            "verdict": record.state,
            "created_at": time_to_json(record.created_at),
        }
        return replace(cls.from_json(document), model_id=record.model_id)

    def checked(self) -> CheckResult:
        """Return this result if its fields keep the rules. Raises InvalidInput, LimitExceeded."""
        names.check_label(self.name)
        names.check_text(self.url, "url")
        if len(self.findings) > MAX_FINDINGS:
            raise InvalidInput(f"{len(self.findings)} findings; at most {MAX_FINDINGS} are kept.")
        for finding in self.findings:
            names.check_text(finding, "finding")
        return self


def verdicts(records: Iterable[Record]) -> dict[str, str]:
    """Return the latest verdict of each check by its name; `records` are a version's results."""
    in_order = sorted(records, key=lambda record: record.id)
    return {cast(str, record.body["name"]): record.state for record in in_order}
