"""Stages and what entering them demands: stages ls, set, drop; policy show, set, clear."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muniment.cli import lifecycle_pages, words
from muniment.cli.app import POLICY, STAGES
from muniment.cli.models import read_json
from muniment.cli.session import Session
from muniment.domain.access import Role
from muniment.domain.rules import read_rule
from muniment.domain.stages import Policy, Stage, policies_from_json
from muniment.domain.values import Json
from muniment.errors import InvalidInput

_DAY = 86_400
Name = Annotated[str, typer.Argument(metavar="STAGE", help="The stage.")]
Models = Annotated[str, typer.Option(metavar="PATTERN", help="For models with such names only.")]
WithTag = Annotated[str, typer.Option(metavar="K[=V]", help="For models that carry this tag only.")]


@STAGES.command("muniment stages", "muniment stages ls -q")
def ls(session: Session) -> None:
    """List the stages of the workspace in their order, with what they demand."""
    found = session.registry.stages()
    session.out.entities(found, lambda stage: stage.name, lifecycle_pages.stages)


@STAGES.command("muniment stages set Shadow --order 150 --colour '#268bd2'", name="set")
def set_stage(
    session: Session,
    name: Name,
    order: Annotated[
        int | None, typer.Option(metavar="N", help="Where lists show it, 0 to 9999; else last.")
    ] = None,
    colour: Annotated[str | None, typer.Option(metavar="#RRGGBB", help="Its colour.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is.")] = None,
) -> None:
    """Add a stage, or change what is given of one."""
    stage = session.registry.define_stage(name, order=order, colour=colour, description=description)
    session.out.said(stage.to_json(), stage.name, f"The stage {stage.name} is set.")


@STAGES.command("muniment stages drop Shadow")
def drop(session: Session, name: Name) -> None:
    """Remove a stage that no version is in; a predefined one becomes what it always was."""
    session.registry.drop_stage(name)
    session.out.said({"stage": name, "dropped": True}, name, f"The stage {name} is dropped.")


@POLICY.command("muniment policy Production", "muniment policy show Production -o json")
def show(session: Session, name: Name) -> None:
    """Show what entering a stage demands."""
    _shown(session, session.registry.backend.lifecycle.stage(name))


@POLICY.command(
    "muniment policy set Production --approvals 1 --metric 'auc>=0.9' --check bias",
    "muniment policy set Production --metric 'auc>=now-0.01' --models 'fraud-*'",
    "muniment policy set Production --file policy.json",
    name="set",
)
def set_policy(
    session: Session,
    name: Name,
    approvals: Annotated[int, typer.Option(metavar="N", help="How many must approve.")] = 0,
    approver: Annotated[
        Role | None, typer.Option(help="The role that they must have at least.")
    ] = None,
    self_approval: Annotated[
        bool, typer.Option("--self-approval", help="Whoever asks may be one of them.")
    ] = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="auc>=0.9, loss<=0.2 or auc>=now-0.01; may be repeated."),
    ] = None,
    check: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="It must pass; may be given again.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="K[=V]", help="Version or model must have it; may be given again."),
    ] = None,
    description: Annotated[
        bool, typer.Option("--description", help="The version must have a description.")
    ] = False,
    owner: Annotated[
        bool, typer.Option("--owner", help="Version or model must have the tag owner.")
    ] = False,
    signed: Annotated[
        bool, typer.Option("--signed", help="A trusted key must have signed the version.")
    ] = False,
    automation_only: Annotated[
        bool, typer.Option("--automation-only", help="Only tokens marked as automation may move.")
    ] = False,
    requests_expire: Annotated[
        str | None, typer.Option(metavar="TIME", help="When open requests expire, e.g. 14d.")
    ] = None,
    review_after: Annotated[
        str | None, typer.Option(metavar="TIME", help="When to look at it again, e.g. 90d.")
    ] = None,
    models: Models = "*",
    with_tag: WithTag = "",
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="All policies of the stage, as `show -o json`."),
    ] = None,
) -> None:
    """Say what entering a stage demands.

    It takes the place of the policy for the same --models and --with-tag; others stay, and of all
    that fit a model the strictest counts. --file replaces them all.
    """
    policy = Policy.from_json(
        {
            "models": models,
            "tag": with_tag,
            "approvals": approvals,
            "approver": None if approver is None else approver.value,
            "self_approval": self_approval,
            "checks": [*check] if check else [],
            "metrics": [read_rule(rule).to_json() for rule in metric or ()],
            "tags": [*tag] if tag else [],
            "description": description,
            "owner": owner,
            "signed": signed,
            "automation_only": automation_only,
            "request_days": _days(requests_expire),
            "review_days": _days(review_after),
        }
    )
    stage = session.registry.backend.lifecycle.stage(name)
    demanding = policy != Policy(models=policy.models, tag=policy.tag)
    if file is not None:
        if demanding or policy != Policy():
            raise InvalidInput("--file says it all.", hint="Leave out the other options.")
        policies = _read(file)
    elif not demanding:
        raise InvalidInput(
            "That demands nothing.", hint=f"`muniment policy clear {name}` takes demands away."
        )
    else:
        policies = (*_others(stage, policy.models, policy.tag), policy)
    _shown(session, session.registry.define_stage(stage.name, policies=policies))


@POLICY.command(
    "muniment policy clear Production", "muniment policy clear Production --models 'fraud-*'"
)
def clear(
    session: Session,
    name: Name,
    models: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Only the policy for such names.")
    ] = None,
    with_tag: WithTag = "",
) -> None:
    """Take all policies of a stage away, or the one for some models."""
    stage = session.registry.backend.lifecycle.stage(name)
    everything = models is None and not with_tag
    left = () if everything else _others(stage, models or "*", with_tag)
    if not everything and left == stage.policies:
        raise InvalidInput(
            f"{stage.name} has no policy for these models.",
            hint=f"`muniment policy {stage.name}` shows what it has.",
        )
    _shown(session, session.registry.define_stage(stage.name, policies=left))


def _others(stage: Stage, models: str, tag: str) -> tuple[Policy, ...]:
    return tuple(p for p in stage.policies if (p.models, p.tag) != (models, tag))


def _read(file: Path) -> tuple[Policy, ...]:
    """Read a policy, a list of them, or a stage with them."""
    document: Json = read_json(file)
    if isinstance(document, dict):
        document = document.get("policies", [document])
    return policies_from_json(document)


def _shown(session: Session, stage: Stage) -> None:
    session.out.entity(stage, stage.name, lifecycle_pages.policies)


def _days(text: str | None) -> float | None:
    return None if text is None else words.duration(text) / _DAY
