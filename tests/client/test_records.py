"""Checks, comments, lineage, deployments and the feed, in a folder and at a server."""

from __future__ import annotations

import pytest

from muniment.client.registry import Registry
from muniment.domain.checks import Verdict
from muniment.domain.deployments import DeploymentStatus
from muniment.domain.lineage import Node, NodeKind, Relation
from muniment.errors import Conflict, InUse, InvalidInput, NotFound


@pytest.fixture
def model(registry: Registry, name: str) -> str:
    registry.push(name, b"1", label="1.0.0")
    registry.push(name, b"2", alias="champion")
    return name


def test_the_latest_verdict_of_a_check_counts(registry: Registry, model: str) -> None:
    version = registry.version(f"{model}/1")
    version.report_check("bias", "fail", findings="worse for women", url="https://ci.example.com")
    last = version.report_check("bias", "pass")
    other = registry.report_check(version, "drift", Verdict.UNKNOWN)
    assert registry.checks(version) == [last, other]
    with pytest.raises(InvalidInput, match="unknown"):
        version.report_check("bias", "maybe")


def test_comments_on_models_versions_and_requests(registry: Registry, model: str) -> None:
    asked = registry.request(f"{model}/1", "Staging")
    of_model = registry.comment(model, "The model, @ada.")
    of_version = registry.version(f"{model}/1").comment("The version.")
    of_request = registry.comment(asked, "The request.")
    assert of_model.mentions == ("ada",)
    assert (of_version.version, of_request.request) == (1, asked.id)
    assert registry.comments(model).all() == [of_model]
    assert registry.comments(registry.model(model)).all() == [of_model]
    assert registry.comments(f"{model}/1").all() == [of_version]
    assert registry.comments(asked.id).all() == [of_request]

    edited = registry.edit_comment(of_model, "The model.")
    assert (edited.text, edited.edited_at is not None) == ("The model.", True)
    gone = registry.delete_comment(edited.id)
    assert (gone.text, gone.deleted) == ("", True)
    with pytest.raises(Conflict):
        registry.edit_comment(gone, "Once more.")


def test_lineage_is_noted_by_a_push_and_by_hand(registry: Registry, model: str) -> None:
    tuned = registry.push(
        model, b"3", parent=f"{model}@champion", relation="fine_tuned_from", run_id=f"run-{model}"
    )
    edges = {edge.node.kind: edge for edge in registry.origins(tuned)}
    assert edges[NodeKind.VERSION].relation is Relation.FINE_TUNED_FROM
    assert edges[NodeKind.VERSION].node.name == f"{model}/2"
    assert edges[NodeKind.RUN].node.id == f"run-{model}"

    data = {"kind": "dataset", "id": f"data-{model}", "uri": "s3://lake/x"}
    edge = registry.link(f"{model}/2", data)
    assert registry.link(f"{model}/2", f"dataset:data-{model}") == edge
    assert registry.link(f"{model}/2", Node(NodeKind.DATASET, f"data-{model}")) == edge

    up = tuned.lineage(direction="up")
    assert {node.label for node in up.nodes} == {
        *(f"{model}/3", f"{model}/2", f"run-{model}", f"data-{model}")
    }
    down = registry.lineage(f"dataset:data-{model}", direction="down", hops=1)
    assert [(node.model, node.version) for node in down.nodes] == [(None, None), (model, 2)]
    with pytest.raises(Conflict):
        registry.link(f"{model}/2", tuned)
    registry.unlink(edge)
    with pytest.raises(NotFound):
        registry.unlink(edge.id)


def test_a_wrong_parent_is_refused_before_anything_is_sent(registry: Registry, name: str) -> None:
    with pytest.raises(NotFound):
        registry.push(name, b"1", parent="no-such-model/1")
    with pytest.raises(InvalidInput, match="Name"):
        registry.push(name, b"1", parent=f"{name}/1", relation="stolen_from")
    with pytest.raises(InvalidInput, match="parent"):
        registry.push(name, b"1", relation="fine_tuned_from")
    with pytest.raises(NotFound):
        registry.model(name)


def test_a_deployment_follows_what_moves_and_keeps_what_does_not(
    registry: Registry, model: str
) -> None:
    followed = {
        f"{model}@champion": f"{model}@champion",
        f"{model}/production": f"{model}/Production",
        f"{model}/1": f"{model}/1",
        f"{model}/1.0.0": f"{model}/1",
        model: f"{model}/2",
    }
    for number, (ref, target) in enumerate(followed.items()):
        assert registry.deploy(ref, "prod", f"job-{number}").target == target
    listed = registry.deployments(model=model, environment="prod").all()
    assert [one.target for one in listed] == [*followed.values()]
    assert registry.deployments(model=model, environment="test").all() == []


def test_drift_users_and_retirement(registry: Registry, model: str) -> None:
    registry.deploy(f"{model}@champion", "prod", "scoring", running=1, status="pending")
    (late,) = registry.drift(model=model)
    assert (late.runs, late.expected, late.drifted) == (1, 2, True)
    with pytest.raises(InUse):
        registry.delete_version(f"{model}/1")
    assert [one.place for one in registry.users_of(f"{model}/1").deployments] == ["prod/scoring"]

    unknown = registry.deploy(f"{model}@champion", "prod", "scoring", forget_running=True)
    assert (unknown.running, unknown.status) == (None, DeploymentStatus.PENDING)
    registry.deploy(f"{model}@champion", "prod", "scoring", running=2, status="running")
    assert registry.drift(model=model).first() is None
    assert [one.drifted for one in registry.drift(model=model, drifted_only=False)] == [False]
    gone = registry.retire(model, "prod", "scoring", comment="replaced")
    assert (gone.status, gone.comment) == (DeploymentStatus.RETIRED, "replaced")
    assert registry.deployments(model=model).all() == []
    assert registry.deployments(model=model, status="retired").all() == [gone]
    with pytest.raises(NotFound):
        registry.retire(model, "prod", "scoring")


def test_the_feed_and_a_history_pick_what_is_asked_for(registry: Registry, model: str) -> None:
    registry.comment(f"{model}/1", "Hm.")
    latest = registry.activities(model=model).first()
    assert latest is not None
    assert (latest.model, latest.activity.kind) == (model, "comment.added")
    created = registry.activities(model=model, kinds="version.created").all()
    assert [one.activity.version for one in created] == [2, 1]
    assert registry.activities(model=model, actor="nobody").all() == []
    kinds = [entry.kind for entry in registry.history(model, version=1, newest_first=False)]
    assert kinds == ["version.created", "comment.added"]
    (only,) = registry.history(model, kinds=["alias.set"], actor=latest.activity.actor)
    assert only.details["alias"] == "champion"
    with pytest.raises(InvalidInput, match="kind"):
        registry.activities(kinds="no.such").all()
    exported = registry.backend.feed.export_history(model, newest_first=False)
    assert [one.activity for one in exported] == registry.history(model, newest_first=False).all()
    assert created == list(registry.backend.feed.export(model=model, kinds=["version.created"]))
