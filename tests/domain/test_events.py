"""What the activities of a model mean to whoever is told of them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from muniment.domain.activities import (
    OF_MODELS,
    Activity,
    ActivityKind,
    Entry,
    Happened,
    chain,
)
from muniment.domain.events import (
    ENTERED,
    IS_PROMPT,
    MLFLOW,
    SAMPLES,
    Event,
    Occurred,
    events_of,
    is_prompt,
    names_after,
    text_of,
)
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def activity(kind: ActivityKind, version: int | None = None, **details: Any) -> Activity:
    entry = Entry(kind, "ada", NOON, version=version, details=details)
    return chain(entry, model_uuid="m", sequence=1, previous="")


def renamed(old: str, new: str) -> Activity:
    names: dict[str, Any] = {"from": old, "to": new}
    return activity(ActivityKind.MODEL_RENAMED, **names)


def told(
    kind: ActivityKind, version: int | None = None, *, prompt: bool = False, **details: Any
) -> list[tuple[str, JsonObject]]:
    """Return what MLflow's protocol has for an activity; the last event of all is our own."""
    occurred = events_of(activity(kind, version, **details), "fraud", prompt=prompt)
    assert str(occurred[-1].event) == kind
    return [(str(each.event), each.data) for each in occurred if each.event in MLFLOW]


def test_a_new_model_is_told_of_with_its_tags_and_description() -> None:
    assert told(ActivityKind.MODEL_CREATED, name="fraud", tags={"n": 1}, description="d") == [
        ("registered_model.created", {"name": "fraud", "tags": {"n": "1"}, "description": "d"})
    ]


def test_histories_of_older_registries_say_less() -> None:
    assert told(ActivityKind.MODEL_CREATED, name="fraud") == [
        ("registered_model.created", {"name": "fraud", "tags": {}, "description": ""})
    ]
    ((event, data),) = told(ActivityKind.VERSION_CREATED, 1, source_uri="s3://x")
    assert event == "model_version.created"
    assert (data["source"], data["run_id"], data["tags"]) == ("s3://x", None, {})


def test_a_new_version_is_told_of_with_where_it_came_from() -> None:
    tags = {"ok": True}
    assert told(
        ActivityKind.VERSION_CREATED, 3, source_uri="s3://x", run_id="r", tags=tags, description="d"
    ) == [
        (
            "model_version.created",
            {
                "name": "fraud",
                "version": "3",
                "source": "s3://x",
                "run_id": "r",
                "tags": {"ok": "true"},
                "description": "d",
            },
        )
    ]


def test_a_prompt_has_events_of_its_own_without_the_tags_that_make_it_one() -> None:
    tags = {IS_PROMPT: "True", "_mlflow_prompt_type": "text", "x": "y"}
    assert told(ActivityKind.MODEL_CREATED, name="p", tags=tags) == [
        ("prompt.created", {"name": "fraud", "tags": {"x": "y"}, "description": ""})
    ]
    assert told(ActivityKind.VERSION_CREATED, 1, tags={**tags, "mlflow.prompt.text": "Hi"}) == [
        (
            "prompt_version.created",
            {
                "name": "fraud",
                "version": "1",
                "template": "Hi",
                "tags": {"x": "y"},
                "description": None,
            },
        )
    ]
    alias: dict[str, Any] = {"alias": "c", "from": None, "to": 1}
    assert told(ActivityKind.ALIAS_SET, 1, prompt=True, **alias)[0][0] == "prompt_alias.created"
    assert told(ActivityKind.MODEL_UPDATED, prompt=True, tags={"a": "1", "b": None}) == [
        ("prompt_tag.set", {"name": "fraud", "key": "a", "value": "1"}),
        ("prompt_tag.deleted", {"name": "fraud", "key": "b"}),
    ]


def test_one_change_of_several_tags_is_several_events_in_its_order() -> None:
    assert told(ActivityKind.VERSION_UPDATED, 2, tags={"b": 0.5, "a": None}, label="x") == [
        (
            "model_version_tag.set",
            {"name": "fraud", "version": "2", "key": "b", "value": "0.5"},
        ),
        ("model_version_tag.deleted", {"name": "fraud", "version": "2", "key": "a"}),
    ]


def test_an_alias_that_only_became_protected_was_not_created() -> None:
    moved: dict[str, Any] = {"alias": "c", "from": 1, "to": 2}
    assert told(ActivityKind.ALIAS_SET, 2, **moved) == [
        ("model_version_alias.created", {"name": "fraud", "alias": "c", "version": "2"})
    ]
    assert told(ActivityKind.ALIAS_SET, 2, **{**moved, "from": 2}) == []
    assert told(ActivityKind.ALIAS_DELETED, 2, alias="c") == [
        ("model_version_alias.deleted", {"name": "fraud", "alias": "c"})
    ]


@pytest.mark.parametrize(
    "kind", [ActivityKind.MODEL_UPDATED, ActivityKind.STAGE_CHANGED, ActivityKind.VERSION_DELETED]
)
def test_what_the_protocol_has_no_event_for_is_none(kind: ActivityKind) -> None:
    assert told(kind, 1, tags={"a": "1"}) == []


@pytest.mark.parametrize("kind", OF_MODELS)
def test_every_kind_of_activity_is_an_event_of_our_own_with_all_of_it(kind: ActivityKind) -> None:
    happened = activity(kind, 1, alias="a", to=1, **{"from": None})
    own = events_of(happened, "fraud", prompt=False)[-1]
    assert str(own.event) == kind
    assert own.event not in MLFLOW
    assert Happened.from_json(own.data) == Happened("fraud", 0, happened)
    assert SAMPLES[own.event].keys() == own.data.keys()


def test_what_is_about_stages_says_which() -> None:
    def stages(kind: ActivityKind, **details: Any) -> tuple[str, ...]:
        return events_of(activity(kind, 1, **details), "fraud", prompt=False)[-1].stages

    move: dict[str, Any] = {"from": "Staging", "to": "Production"}
    assert stages(ActivityKind.STAGE_CHANGED, **move) == ("Staging", "Production")
    entered, _ = events_of(activity(ActivityKind.STAGE_CHANGED, **move), "fraud", prompt=False)
    assert (entered.event, entered.stages) == (ENTERED, ("Production",))
    assert stages(ActivityKind.REQUEST_CREATED, **move) == ("Production",)
    assert stages(ActivityKind.ALIAS_SET, alias="a", to=1, **{"from": 2}) == ()


def test_what_stands_in_the_audit_log_is_no_event() -> None:
    for kind in set(ActivityKind) - set(OF_MODELS):
        with pytest.raises(InvalidInput, match="no event"):
            Event.parse(kind)


def test_each_activity_knows_the_name_that_the_model_had_after_it() -> None:
    history = [
        activity(ActivityKind.MODEL_CREATED),
        renamed("a", "b"),
        activity(ActivityKind.VERSION_CREATED, 1),
        renamed("b", "c"),
    ]
    assert names_after(history, "c") == ["a", "b", "b", "c"]
    assert names_after(history[:3], "b") == ["a", "b", "b"]


def test_the_body_is_json_with_the_time_of_the_change() -> None:
    occurred = Occurred(Event("prompt", "created"), NOON, {"name": "Ünï"})
    assert json.loads(occurred.body) == {
        "entity": "prompt",
        "action": "created",
        "timestamp": "2026-11-21T12:00:00.000000+00:00",
        "data": {"name": "Ünï"},
    }
    assert occurred.body.isascii()


def test_events_are_named_by_entity_and_action() -> None:
    for event in SAMPLES:
        assert Event.parse(str(event)) == event
    for text in ("", "prompt", "prompt.deleted", "Prompt.created", "prompt.created "):
        with pytest.raises(InvalidInput, match="no event"):
            Event.parse(text)


def test_typed_values_are_told_as_text() -> None:
    assert [text_of(value) for value in (True, 3, 0.5, "x")] == ["true", "3", "0.5", "x"]
    assert is_prompt({IS_PROMPT: True})
    assert not is_prompt({IS_PROMPT: "yes"})
    assert not is_prompt({})


def test_the_manual_names_every_event_of_our_own() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
    table = manual.partition("| | Events of our own |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z.]+)`", table)) == {*OF_MODELS, str(ENTERED)}
