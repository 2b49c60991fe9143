"""Request bodies about stages, requests, comments, checks, lineage and deployments."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from muniment.domain import checking, comments, stages
from muniment.domain.access import Role
from muniment.domain.deployments import DeploymentStatus
from muniment.errors import InvalidInput
from muniment.server.api import lifecycle_examples as examples
from muniment.server.api.base_bodies import Body, Number, Text, _example, _limit

Label: TypeAlias = Annotated[str, _limit(minLength=1, maxLength=256)]
Days: TypeAlias = Annotated[float, Field(json_schema_extra={"exclusiveMinimum": 0})]


class MetricRule(Body):
    """What a metric must be; of the three bounds, one at least."""

    model_config = _example(metric="auc", at_least=0.9)

    metric: Label
    at_least: float | None = None
    at_most: float | None = None
    worse_by_at_most: Annotated[float, _limit(minimum=0)] | None = None
    higher_is_better: bool = True


class Policy(Body):
    """What entering a stage demands of the models whose names fit `models` and that have `tag`."""

    model_config = _example(**examples.POLICY)

    models: Annotated[str, _limit(minLength=1, maxLength=500)] = "*"
    tag: Text = ""
    approvals: Annotated[int, _limit(minimum=0, maximum=stages.MAX_APPROVALS)] = 0
    approver: Annotated[str, Field(json_schema_extra={"enum": [*Role]})] | None = None
    self_approval: bool = False
    checks: list[Text] = Field(default=[])
    metrics: list[MetricRule] = Field(default=[])
    tags: list[Text] = Field(default=[])
    description: bool = False
    owner: bool = False
    signed: bool = False
    automation_only: bool = False
    request_days: Days | None = None
    review_days: Days | None = None

    def to_policy(self) -> stages.Policy:
        """Return it as the domain knows it. Raises InvalidInput."""
        return stages.Policy.from_json(self.model_dump(mode="json"))


class Stage(Body):
    """All of a stage but its name; `order` says where it stands among the others."""

    model_config = _example(
        order=200,
        colour="#2aa147",
        description="What customers meet.",
        policies=[examples.POLICY],
    )

    order: Annotated[int, _limit(minimum=0, maximum=9_999)]
    policies: list[Policy]
    colour: Annotated[str, Field(json_schema_extra={"pattern": "^(#[0-9a-f]{6})?$"})] = ""
    description: Text = ""

    def to_stage(self, name: str) -> stages.Stage:
        """Return the stage of that name. Raises InvalidInput."""
        if len(self.policies) > stages.MAX_POLICIES:
            raise InvalidInput(f"policies must be a list of at most {stages.MAX_POLICIES}.")
        return stages.Stage(
            name,
            self.order,
            self.colour,
            self.description,
            tuple(policy.to_policy() for policy in self.policies),
        )


class NewRequest(Body):
    """Which stage a version is wanted in, and why."""

    model_config = _example(stage="Production", comment="Beats version 2.", archive_existing=True)

    stage: Text
    comment: Text = ""
    archive_existing: bool = False


class Remark(Body):
    """What there is to say beside a yes or a no."""

    model_config = _example(comment="Checked by hand.")

    comment: Text = ""


class Yes(Remark):
    """A yes; `force` archives what is replaced even if something runs it."""

    force: bool = False


class Rollback(Body):
    """What is to be as it was before its last change: a stage, or an alias behind an `@`."""

    model_config = _example(of="Production", comment="Too many false alarms.")

    of: Text
    comment: Text = ""
    force: bool = False


class CommentText(Body):
    """What somebody has to say."""

    model_config = _example(text="Looks good, @ada.")

    text: Annotated[str, _limit(minLength=1, maxLength=comments.MAX_COMMENT_CHARS)]


class NewCheck(Body):
    """A verdict; `findings` are sentences, `url` leads to the report."""

    model_config = _example(name="bias", verdict="pass", url="https://ci.example.com/runs/17")

    name: Label
    verdict: Literal["pass", "fail", "unknown"]
    findings: list[Text] = Field(default=[])
    url: Text = ""


class ChosenChecks(Body):
    """Checks by name; none: those of the workspace."""

    model_config = _example(checks=["serialization"])

    checks: list[Label] = Field(default=[], max_length=checking.MAX_CHECKS)


class CheckConfiguration(Body):
    """Which checks are run on a version when it is sealed.

    Each check has its own process, which may take `seconds`, and `memory` in bytes.
    """

    model_config = _example(checks=["integrity", "serialization"], seconds=300)

    checks: list[Label] = Field(max_length=checking.MAX_CHECKS)
    seconds: Annotated[int, _limit(minimum=1, maximum=checking.MAX_SECONDS)] = (
        checking.CheckConfiguration().seconds
    )
    memory: Annotated[int, _limit(minimum=checking.LEAST_MEMORY, maximum=checking.MAX_MEMORY)] = (
        checking.CheckConfiguration().memory
    )

    def to_configuration(self) -> checking.CheckConfiguration:
        """Return it as the services know it."""
        return checking.CheckConfiguration(tuple(self.checks), self.seconds, self.memory)


class Deployment(Body):
    """What runs somewhere: one of `version`, `alias` and `stage`. What is left out stays."""

    model_config = _example(alias="champion", running=3, url="https://scoring.example.com")

    version: Number | None = None
    alias: Text | None = None
    stage: Text | None = None
    running: Number | None = None
    forget_running: bool = False
    status: Literal["pending", "running", "failed", "retired"] | None = None
    url: Text | None = None
    comment: Text | None = None

    def fields(self) -> dict[str, Any]:
        """Return everything as the domain knows it, by name."""
        status = None if self.status is None else DeploymentStatus(self.status)
        return {**self.model_dump(), "status": status}
