"""Stages, requests and the past, in a folder and at a server: the same client, the same answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from muniment.client.registry import Registry
from muniment.domain.requests import RequestState
from muniment.domain.stages import MetricRule, Policy
from muniment.domain.timeline import Post
from muniment.errors import Blocked, Conflict, InUse, InvalidInput, NotFound, PermissionDenied

GOOD = Policy(approvals=1, self_approval=True, metrics=(MetricRule("auc", at_least=0.9),))


@pytest.fixture
def gate(registry: Registry, name: str) -> str:
    """A stage of the test's own with a policy, for the test's model."""
    registry.push(name, b"1", metrics={"auc": 0.87})
    registry.push(name, b"2", metrics={"auc": 0.93})
    return registry.define_stage(f"Gate {name[-6:]}", policies=[GOOD]).name


def test_a_stage_is_defined_changed_and_dropped(registry: Registry, name: str) -> None:
    stage = f"Stage {name[-6:]}"
    made = registry.define_stage(stage, colour="#268bd2", description="Beside Production.")
    assert made.order >= 300
    changed = registry.define_stage(stage.upper(), order=150, policies=[{"owner": True}])
    assert (changed.name, changed.colour, changed.order) == (stage, "#268bd2", 150)
    assert changed.policies == (Policy(owner=True),)
    names = [stage.name for stage in registry.stages()]
    assert names.index("Staging") < names.index(stage) < names.index("Production")
    registry.drop_stage(stage)
    assert stage not in [stage.name for stage in registry.stages()]
    with pytest.raises(InvalidInput):
        registry.define_stage("a/b")


def test_a_stage_with_versions_is_not_dropped(registry: Registry, name: str, gate: str) -> None:
    registry.define_stage(gate, policies=[])
    registry.move_to_stage(f"{name}/1", gate)
    with pytest.raises(InUse):
        registry.drop_stage(gate)


def test_a_request_is_blocked_by_what_is_not_met(registry: Registry, name: str, gate: str) -> None:
    asked = registry.request(f"{name}/1", gate, comment="our first")
    assert (asked.state, asked.to_stage, asked.comment) == (RequestState.OPEN, gate, "our first")
    assert [str(b) for b in registry.blockers(asked)] == [
        "auc is at least 0.9 (it is 0.87)",
        "1 approval (0 so far)",
    ]
    with pytest.raises(Blocked) as refused:
        registry.approve(asked)
    assert refused.value.details == {
        "version": f"{name}/1",
        "stage": gate,
        "blockers": ["auc is at least 0.9 (it is 0.87)"],
        "rules": ["metric"],
    }
    with pytest.raises(Conflict):
        registry.request(f"{name}/1", gate)
    rejected = registry.reject(asked.id, comment="not yet")
    assert (rejected.state, rejected.closing_comment) == (RequestState.REJECTED, "not yet")
    assert registry.blockers(rejected) == []


def test_approval_moves_the_version_in_one_step(registry: Registry, name: str, gate: str) -> None:
    version = registry.version(f"{name}/2")
    assert [r.met for r in version.requirements(gate)] == [True, True, False]
    with pytest.raises(Blocked):
        version.move_to_stage(gate)
    asked = version.request(gate)
    approved = registry.approve(asked, comment="checked")
    assert approved.state is RequestState.APPROVED
    assert [approval.comment for approval in approved.approvals] == ["checked"]
    assert version.refresh().stage == gate
    with pytest.raises(Conflict):
        registry.cancel(asked)


def test_requests_are_listed_by_model_version_and_state(
    registry: Registry, name: str, gate: str
) -> None:
    first, second = (registry.request(f"{name}/{number}", gate) for number in (1, 2))
    registry.cancel(first)
    assert [r.id for r in registry.requests(model=name)] == [second.id, first.id]
    assert registry.requests(model=name, state="open").all() == [second]
    assert [r.id for r in registry.requests(model=name, version=1)] == [first.id]
    assert registry.requests(model=name).first() == second
    with pytest.raises(InvalidInput, match="cancelled"):
        registry.requests(state="done")
    with pytest.raises(NotFound):
        registry.approve(10**9)


def test_who_asked_does_not_approve(registry: Registry, name: str, gate: str) -> None:
    registry.define_stage(gate, policies=[Policy(approvals=1)])
    asked = registry.request(f"{name}/2", gate)
    with pytest.raises(PermissionDenied, match="has asked for this"):
        registry.approve(asked)


def test_the_past_of_an_alias_and_the_way_back(registry: Registry, name: str) -> None:
    for content in (b"1", b"2"):
        registry.push(name, content, alias="champion")
    first, second = registry.tenures(name, "@champion")
    assert (first.post, first.version, second.version) == (Post.ALIAS, 1, 2)
    assert first.until == second.since
    assert second.until is None
    then = first.since
    assert registry.resolve(f"{name}@champion", as_of=then).version == 1
    assert registry.resolve(f"{name}@champion", as_of=then.isoformat()).version == 1
    assert registry.resolve(f"{name}@champion").version == 2
    assert (registry.pull(f"{name}@champion", as_of=then) / "model.bin").read_bytes() == b"1"

    undone = registry.model(name).rollback("@champion", comment="false alarms")
    assert (undone.post, undone.versions, undone.instead_of) == (Post.ALIAS, (1,), (2,))
    assert registry.resolve(f"{name}@champion").version == 1
    assert registry.model(name).tenures()[-1].comment == "false alarms"


def test_what_has_no_past_or_is_to_come_is_refused(registry: Registry, name: str) -> None:
    version = registry.push(name, b"1", alias="champion")
    for ref in (f"{name}/1", name, version):
        with pytest.raises(InvalidInput, match="no past"):
            registry.resolve(ref, as_of=version.created_at)
    ahead = version.created_at + timedelta(days=1)
    with pytest.raises(InvalidInput, match="yet to come"):
        registry.resolve(f"{name}@champion", as_of=ahead)
    with pytest.raises(InvalidInput, match="not a time"):
        registry.resolve(f"{name}@champion", as_of="yesterday")
    before = version.created_at - timedelta(days=1)
    with pytest.raises(NotFound):
        registry.resolve(f"{name}@champion", as_of=before)


def test_a_stage_goes_back_to_what_it_was(registry: Registry, name: str, gate: str) -> None:
    registry.define_stage(gate, policies=[])
    for number in (1, 2):
        registry.move_to_stage(f"{name}/{number}", gate, archive_existing=True)
    undone = registry.rollback(name, gate)
    assert (undone.name, undone.versions, undone.instead_of) == (gate, (1,), (2,))
    assert [t.version for t in registry.tenures(name, gate.lower())] == [1, 2, 1]


def test_who_is_long_in_a_stage_is_due_for_review(registry: Registry, name: str, gate: str) -> None:
    registry.define_stage(gate, policies=[Policy(review_days=1e-9)])
    moved = registry.move_to_stage(f"{name}/1", gate)
    while not (found := registry.reviews_due(name)):
        pass  # a moment later it is
    ((version, due),) = found
    assert version == moved
    assert moved.stage_since is not None
    assert due >= moved.stage_since
