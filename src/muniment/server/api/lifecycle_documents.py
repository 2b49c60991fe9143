"""Answers about stages, requests, the past, comments and checks; see `documents`."""

from __future__ import annotations

from typing import Literal

from muniment.server.api import lifecycle_examples as examples
from muniment.server.api.documents import Activity, Document, ModelVersion, _example
from muniment.server.api.examples import TIME
from muniment.server.api.lifecycle_bodies import Policy


class Stage(Document):
    """A stage of the workspace, and what entering it demands."""

    model_config = _example(**examples.STAGE)

    name: str
    order: int
    colour: str
    description: str
    policies: list[Policy]
    predefined: bool
    revision: int


class Stages(Document):
    """All stages, in their order."""

    model_config = _example(items=[examples.STAGE])

    items: list[Stage]


class Requirement(Document):
    """One demand of a stage on a version: `evidence` is what was found."""

    model_config = _example(**examples.REQUIREMENT)

    rule: Literal[
        "ready",
        "approvals",
        "check",
        "metric",
        "tag",
        "description",
        "owner",
        "signed",
        "automation",
    ]
    text: str
    met: bool
    evidence: str


class Requirements(Document):
    """Everything that a stage demands of a version, and whether all of it is met."""

    model_config = _example(stage="Production", met=True, items=[examples.REQUIREMENT])

    stage: str
    met: bool
    items: list[Requirement]


class Approval(Document):
    """One person's yes."""

    model_config = _example(by="grace", at=TIME, comment="")

    by: str
    at: str
    comment: str


class TransitionRequest(Document):
    """A request to move a version to a stage."""

    model_config = _example(**examples.REQUEST)

    id: int
    model: str
    version: int
    to_stage: str
    from_stage: str
    state: Literal["open", "approved", "rejected", "cancelled", "expired"]
    requested_by: str
    created_at: str
    comment: str
    archive_existing: bool
    automation: bool
    expires_at: str | None
    approvals: list[Approval]
    closed_by: str
    closed_at: str | None
    closing_comment: str
    revision: int


class ReviewedRequest(TransitionRequest):
    """A request with what is demanded of its version now; nothing, if it is closed."""

    model_config = _example(**examples.REVIEWED)

    requirements: list[Requirement]


class RequestPage(Document):
    """Transition requests, and where to go on."""

    model_config = _example(items=[examples.REQUEST], next_page_token=None)

    items: list[TransitionRequest]
    next_page_token: str | None


class Tenure(Document):
    """A version held a stage or an alias; `sequence` and `ended` are entries of the history."""

    model_config = _example(**examples.TENURE)

    post: Literal["stage", "alias"]
    name: str
    version: int
    since: str
    until: str | None
    by: str
    comment: str
    sequence: int
    ended: int | None


class Tenures(Document):
    """Who held what, by the beginning of each tenure."""

    model_config = _example(items=[examples.TENURE])

    items: list[Tenure]


class Undone(Document):
    """What a rollback did: who holds the stage or the alias again, and instead of whom."""

    model_config = _example(**examples.UNDONE)

    post: Literal["stage", "alias"]
    name: str
    versions: list[int]
    instead_of: list[int]


class Due(Document):
    """A version that is to be reviewed again, and since when."""

    model_config = _example(**examples.DUE)

    due: str
    version: ModelVersion


class ReviewsDue(Document):
    """Versions that are to be reviewed again, the longest due first."""

    model_config = _example(items=[examples.DUE])

    items: list[Due]


class Happened(Activity):
    """An activity, and the name that its model has now."""

    model_config = _example(**examples.HAPPENED)

    model: str


class FeedPage(Document):
    """Activities of all models, and where to go on; a page may be short and still lead on."""

    model_config = _example(items=[examples.HAPPENED], next_page_token=None)

    items: list[Happened]
    next_page_token: str | None


class Comment(Document):
    """What somebody has said; a deleted comment keeps its place, without its text."""

    model_config = _example(**examples.COMMENT)

    id: int
    model: str
    version: int | None
    request: int | None
    text: str
    author: str
    mentions: list[str]
    created_at: str
    edited_at: str | None
    deleted: bool
    revision: int


class CommentPage(Document):
    """Comments, and where to go on."""

    model_config = _example(items=[examples.COMMENT], next_page_token=None)

    items: list[Comment]
    next_page_token: str | None


class CheckResult(Document):
    """What a check said of a version; `unknown` blocks as `fail` does."""

    model_config = _example(**examples.CHECK)

    id: int
    model: str
    version: int
    name: str
    verdict: Literal["pass", "fail", "unknown"]
    findings: list[str]
    url: str
    digest: str
    check_version: str
    created_at: str
    created_by: str


class CheckConfiguration(Document):
    """Which checks are run on a version when it is sealed, and within which limits."""

    model_config = _example(**examples.CHECK_CONFIGURATION)

    checks: list[str]
    seconds: int
    memory: int
    revision: int


class AvailableChecks(Document):
    """The names of the checks that can be run here."""

    model_config = _example(items=["integrity", "formats", "serialization", "archives", "card"])

    items: list[str]


class WaitingChecks(Document):
    """The checks that a version waits for."""

    model_config = _example(waiting=["serialization"])

    waiting: list[str]


class CheckResults(Document):
    """The latest result of each check of a version, by name."""

    model_config = _example(items=[examples.CHECK])

    items: list[CheckResult]
