"""Where versions run: deployments are declared, uses are observed.

declare ──> PENDING ──> RUNNING ──> FAILED       any of these, as somebody says
               └───────────┴───────────┴── retire ──> RETIRED, for ever
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, cast

from muniment.domain import names
from muniment.domain.records import Record, RecordKind
from muniment.domain.values import Json, JsonObject, as_object, time_from_json, time_to_json
from muniment.errors import InvalidInput

MAX_CONSUMER_CHARS: Final = 200
MAX_NAME_CHARS: Final = 200
MAX_DEPLOYMENTS: Final = 1_000  # of one model, live ones
_ENVIRONMENT = re.compile(r"\w[\w.-]{0,62}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


class DeploymentStatus(StrEnum):
    """How a deployment is doing, as those say who run it."""

    PENDING = "pending"
    RUNNING = "running"
    FAILED = "failed"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A job, service or endpoint that runs a version, or whatever an alias or stage means.

    Just one of `version`, `alias` and `stage` is set; `running` is the version that it was last
    said to run, if it was said (a deployment of an alias may lag behind). `environment` and `name`
    tell it from the model's other ones, as long as it is not retired.
    """

    model: str
    environment: str
    name: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    version: int | None = None
    alias: str | None = None
    stage: str | None = None
    running: int | None = None
    status: DeploymentStatus = DeploymentStatus.RUNNING
    url: str = ""
    comment: str = ""
    revision: int = 1
    id: int = 0
    model_id: int = 0

    @property
    def target(self) -> str:
        """What it follows, as a reference: `fraud/3`, `fraud@champion`, `fraud/Production`."""
        if self.alias is not None:
            return f"{self.model}@{self.alias}"
        return f"{self.model}/{self.stage if self.stage is not None else self.version}"

    @property
    def place(self) -> str:
        """Where it is, for people: `prod/scoring`."""
        return f"{self.environment}/{self.name}"

    @property
    def live(self) -> bool:
        """Whether it is not retired."""
        return self.status is not DeploymentStatus.RETIRED

    def runs(self, meant: int | None) -> int | None:
        """Return the version that it runs, as far as known, if its alias or stage means `meant`."""
        if self.running is not None:
            return self.running
        return meant if self.version is None else self.version

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "model": self.model,
            "environment": self.environment,
            "name": self.name,
            "target": self.target,
            "version": self.version,
            "alias": self.alias,
            "stage": self.stage,
            "running": self.running,
            "status": self.status.value,
            "url": self.url,
            "comment": self.comment,
            "created_at": time_to_json(self.created_at),
            "created_by": self.created_by,
            "updated_at": time_to_json(self.updated_at),
            "updated_by": self.updated_by,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> Deployment:
        """Read what `to_json` wrote."""
        v = as_object(value, "a deployment")
        return cls(
            id=cast(int, v["id"]),
            model=cast(str, v["model"]),
            environment=cast(str, v["environment"]),
            name=cast(str, v["name"]),
            version=cast("int | None", v["version"]),
            alias=cast("str | None", v["alias"]),
            stage=cast("str | None", v["stage"]),
            running=cast("int | None", v["running"]),
            status=DeploymentStatus(cast(str, v["status"])),
            url=cast(str, v["url"]),
            comment=cast(str, v["comment"]),
            created_at=time_from_json(cast(str, v["created_at"])),
            created_by=cast(str, v["created_by"]),
            updated_at=time_from_json(cast(str, v["updated_at"])),
            updated_by=cast(str, v["updated_by"]),
            revision=cast(int, v["revision"]),
        )

    def to_record(self) -> Record:
        """Return what a store keeps."""
        body = self.to_json()
        for key in ("id", "model", "target", "created_at"):
            del body[key]
        return Record(
            kind=RecordKind.DEPLOYMENT,
            created_at=self.created_at,
            body=body,
            version=self.version,
            state="live" if self.live else "retired",
            keys=(f"environment:{self.environment}", f"name:{self.name}"),
            id=self.id,
            model_id=self.model_id,
        )

    @classmethod
    def from_record(cls, record: Record, model: str) -> Deployment:
        """Read a record of the model that is called `model` now."""
        document: JsonObject = {
            **record.body,
            "id": record.id,
            "model": model,
            "created_at": time_to_json(record.created_at),
        }
        return replace(cls.from_json(document), model_id=record.model_id)


def check_environment(name: str) -> str:
    """Environment, such as `prod` or `eu-west`: word characters, `.` and `-`, at most 63."""
    if not _ENVIRONMENT.fullmatch(name):
        raise InvalidInput(
            f"{name!r:.200} can't be an environment.",
            hint="Use letters, digits, '_', '.' and '-', at most 63.",
            details={"field": "environment"},
        )
    return name


def check_deployment_name(name: str) -> str:
    """Name of a job, service or endpoint: one line of text, at most 200 characters."""
    return _check_line(name, "name", MAX_NAME_CHARS)


def check_consumer(name: str) -> str:
    """What a consumer calls itself: one line of text, at most 200 characters."""
    return _check_line(name, "consumer", MAX_CONSUMER_CHARS)


def check_url(url: str) -> str:
    """URL of a deployment, or nothing: it begins with `scheme://` and holds no white space."""
    names.check_text(url, "url")
    if url and not _URL.fullmatch(url):
        raise InvalidInput(
            f"{url!r:.200} is not a URL.",
            hint="Write it like https://host/path, or leave it out.",
            details={"field": "url"},
        )
    return url


def _check_line(text: str, what: str, limit: int) -> str:
    names.check_text(text, what, limit)
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise InvalidInput(
            f"{text!r:.200} can't be the {what} of a deployment or job.",
            hint=f"Use 1 to {limit} characters on one line, no spaces at its ends.",
            details={"field": what},
        )
    return text


@dataclass(frozen=True, slots=True)
class Drift:
    """What a deployment runs, beside what it should.

    `reference` is what it is measured by: the alias or stage that it follows; Production, if it
    names a version. `runs` and `expected` are numbers of versions, None where there is none (or
    nobody has said). `since` is when `expected` came to be what it is, if `drifted`.
    """

    deployment: Deployment
    reference: str
    runs: int | None
    expected: int | None
    drifted: bool
    reason: str = ""
    since: datetime | None = None

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "deployment": self.deployment.to_json(),
            "reference": self.reference,
            "runs": self.runs,
            "expected": self.expected,
            "drifted": self.drifted,
            "reason": self.reason,
            "since": None if self.since is None else time_to_json(self.since),
        }

    @classmethod
    def from_json(cls, value: Json) -> Drift:
        """Read what `to_json` wrote."""
        v = as_object(value, "a drift")
        since = v["since"]
        return cls(
            deployment=Deployment.from_json(v["deployment"]),
            reference=cast(str, v["reference"]),
            runs=cast("int | None", v["runs"]),
            expected=cast("int | None", v["expected"]),
            drifted=v["drifted"] is True,
            reason=cast(str, v["reason"]),
            since=None if since is None else time_from_json(cast(str, since)),
        )


class UseKind(StrEnum):
    """What a consumer did."""

    RESOLVE = "resolve"  # asked which version a reference means
    DOWNLOAD = "download"  # fetched files


@dataclass(frozen=True, slots=True)
class Use:
    """Who used a version, as observed: `count` times between two moments.

    `consumer` is the job as it names itself, or the user if it does not; `named` says which.
    """

    model: str
    version: int
    consumer: str
    named: bool
    kind: UseKind
    first_at: datetime
    last_at: datetime
    count: int
    model_id: int = 0

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "model": self.model,
            "version": self.version,
            "consumer": self.consumer,
            "named": self.named,
            "kind": self.kind.value,
            "first_at": time_to_json(self.first_at),
            "last_at": time_to_json(self.last_at),
            "count": self.count,
        }

    @classmethod
    def from_json(cls, value: Json) -> Use:
        """Read what `to_json` wrote."""
        v = as_object(value, "a use")
        return cls(
            model=cast(str, v["model"]),
            version=cast(int, v["version"]),
            consumer=cast(str, v["consumer"]),
            named=v["named"] is True,
            kind=UseKind(cast(str, v["kind"])),
            first_at=time_from_json(cast(str, v["first_at"])),
            last_at=time_from_json(cast(str, v["last_at"])),
            count=cast(int, v["count"]),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """Who uses one version: the live deployments that run it, and who resolved or fetched it."""

    model: str
    version: int
    deployments: tuple[Deployment, ...]
    uses: tuple[Use, ...]

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "model": self.model,
            "version": self.version,
            "deployments": [deployment.to_json() for deployment in self.deployments],
            "uses": [use.to_json() for use in self.uses],
        }

    @classmethod
    def from_json(cls, value: Json) -> Usage:
        """Read what `to_json` wrote."""
        v = as_object(value, "the usage of a version")
        deployments, uses = cast("list[Json]", v["deployments"]), cast("list[Json]", v["uses"])
        return cls(
            model=cast(str, v["model"]),
            version=cast(int, v["version"]),
            deployments=tuple(Deployment.from_json(item) for item in deployments),
            uses=tuple(Use.from_json(item) for item in uses),
        )
