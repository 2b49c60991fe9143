"""Webhooks as Databricks asks for them, and what their receivers are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muniment.domain.events import Event
from muniment.domain.webhooks import WebhookChanges
from tests.server.mlflow.people import Team, team
from tests.server.mlflow.registry import INVALID, MISSING, Json
from tests.services.receivers import Answer, Receiver, receiving

UNABLE = (501, "NOT_IMPLEMENTED")
URL = "https://1.1.1.1/hook"
ANY_STAGE = "MODEL_VERSION_TRANSITIONED_STAGE"
PRODUCTION = "MODEL_VERSION_TRANSITIONED_TO_PRODUCTION"
STAGING = "MODEL_VERSION_TRANSITIONED_TO_STAGING"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A server that may tell receivers on loopback."""
    home = tmp_path_factory.mktemp("shared") / "home"
    with team(home, webhook_schemes=("http", "https"), webhook_allow_private=True) as served:
        yield served


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def spec(url: str = URL, **fields: Any) -> Json:
    return {"http_url_spec": {"url": url, **fields}}


def hook(office: Team, *events: str, **fields: Any) -> Json:
    asked = {"events": list(events), **spec(), **fields}
    made: Json = office.linus.do("POST", "registry-webhooks/create", **asked)["webhook"]
    return made


def listed(office: Team, **fields: Any) -> list[str]:
    found = office.linus.do("GET", "registry-webhooks/list", **fields)
    return [webhook["id"] for webhook in found["webhooks"]]


def test_a_webhook_is_made_shown_changed_and_removed(office: Team) -> None:
    made = hook(
        office,
        "MODEL_VERSION_CREATED",
        PRODUCTION,
        description="d",
        model_name="fraud",
        **spec(secret="hush", enable_ssl_verification=True, authorization=""),
    )
    assert made.pop("creation_timestamp") == made.pop("last_updated_timestamp") > 0
    assert made == {
        "id": made["id"],
        "events": ["MODEL_VERSION_CREATED", PRODUCTION],
        "description": "d",
        "status": "ACTIVE",
        "http_url_spec": {"url": URL, "enable_ssl_verification": True},
        "model_name": "fraud",
    }
    change = {"id": made["id"], "events": [ANY_STAGE], "status": "DISABLED", **spec(f"{URL}/2")}
    changed = office.linus.do("PATCH", "registry-webhooks/update", **change)["webhook"]
    assert (changed["events"], changed["status"]) == ([ANY_STAGE], "DISABLED")
    assert (changed["http_url_spec"]["url"], changed["description"]) == (f"{URL}/2", "d")
    assert office.house.owner.webhooks.get(made["id"]).secret == "hush"
    emptied = office.linus.do("PATCH", "registry-webhooks/update", id=made["id"], description="")
    assert (emptied["webhook"]["description"], emptied["webhook"]["events"]) == ("", [ANY_STAGE])

    assert made["id"] in listed(office)
    assert office.linus.do("DELETE", "registry-webhooks/delete", id=made["id"]) == {}
    assert made["id"] not in listed(office)
    for method, call in (("DELETE", "delete"), ("PATCH", "update"), ("POST", "test")):
        assert office.linus.refused(method, f"registry-webhooks/{call}", id=made["id"]) == MISSING


@pytest.mark.parametrize(
    ("words", "events", "stage"),
    [
        (["REGISTERED_MODEL_CREATED"], ["registered_model.created"], "*"),
        (["MODEL_VERSION_TAG_SET"], ["model_version_tag.set"], "*"),
        (["COMMENT_CREATED"], ["comment.added"], "*"),
        ([ANY_STAGE, "TRANSITION_REQUEST_CREATED"], ["request.created", "stage.entered"], "*"),
        (["COMMENT_CREATED", STAGING], ["comment.added", "stage.entered"], "Staging"),
        (
            ["MODEL_VERSION_TRANSITIONED_TO_ARCHIVED", "TRANSITION_REQUEST_TO_ARCHIVED_CREATED"],
            ["request.created", "stage.entered"],
            "Archived",
        ),
    ],
    ids=str,
)
def test_words_for_events_become_events_and_a_stage(
    office: Team, words: list[str], events: list[str], stage: str
) -> None:
    made = hook(office, *words)
    assert sorted(made["events"]) == sorted(words)
    kept = office.house.owner.webhooks.get(made["id"])
    assert ([str(event) for event in kept.events], kept.stage) == (events, stage)


def test_a_list_is_of_one_model_or_of_some_events(office: Team) -> None:
    of_model = hook(office, PRODUCTION, model_name="fraud")["id"]
    of_all = hook(office, "COMMENT_CREATED")["id"]
    native = WebhookChanges(name="n", url=URL, events=[Event.parse("alias.set")])
    unspoken = office.house.owner.webhooks.create(native).uuid
    everything = listed(office)
    assert everything[:2] == [of_all, of_model]
    assert unspoken not in everything
    assert listed(office, model_name="fraud")[0] == of_model
    assert of_all not in listed(office, model_name="fraud")
    assert listed(office, events="COMMENT_CREATED")[0] == of_all
    assert listed(office, events=["COMMENT_CREATED", PRODUCTION])[:2] == [of_all, of_model]

    paged: list[str] = []
    token = ""
    while True:
        page = office.linus.do("GET", "registry-webhooks/list", max_results=1, page_token=token)
        paged += [webhook["id"] for webhook in page["webhooks"]]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert paged == everything


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"events": []}, INVALID),
        ({"events": None}, INVALID),
        ({"events": "COMMENT_CREATED"}, INVALID),
        ({"events": ["MODEL_DELETED"]}, INVALID),
        ({"events": ["COMMENT_CREATED", "COMMENT_CREATED"]}, INVALID),
        ({"events": ["REGISTERED_MODEL_CREATED"], "model_name": "fraud"}, INVALID),
        ({"events": [STAGING, PRODUCTION]}, UNABLE),
        ({"events": [ANY_STAGE, PRODUCTION]}, UNABLE),
        ({"events": [PRODUCTION, "TRANSITION_REQUEST_CREATED"]}, UNABLE),
        ({"model_name": "nope"}, MISSING),
        ({"model_name": "fraud*"}, UNABLE),
        ({"model_name": 3}, INVALID),
        ({"status": "active"}, INVALID),
        ({"http_url_spec": None}, INVALID),
        ({"http_url_spec": URL}, INVALID),
        ({"http_url_spec": {}}, INVALID),
        (spec("ftp://1.1.1.1"), INVALID),
        (spec(secret=3), INVALID),
        (spec(authorization="Bearer x"), UNABLE),
        (spec(enable_ssl_verification=False), UNABLE),
        ({"job_spec": {"job_id": "1", "access_token": "x"}}, UNABLE),
        ({"http_url_spec": None, "job_spec": {"job_id": "1", "access_token": "x"}}, UNABLE),
    ],
    ids=str,
)
def test_what_can_not_be_done_is_refused(office: Team, fields: Json, told: tuple[int, str]) -> None:
    asked = {"events": ["COMMENT_CREATED"], **spec(), **fields}
    assert office.linus.refused("POST", "registry-webhooks/create", **asked) == told


def test_a_webhook_for_one_model_is_not_changed_to_hear_of_new_ones(office: Team) -> None:
    made = hook(office, PRODUCTION, model_name="fraud")
    change = {"id": made["id"], "events": ["REGISTERED_MODEL_CREATED"]}
    assert office.linus.refused("PATCH", "registry-webhooks/update", **change) == INVALID


def test_webhooks_are_for_who_runs_the_place(office: Team) -> None:
    asked = {"events": ["COMMENT_CREATED"], **spec()}
    denied = (403, "PERMISSION_DENIED")
    assert office.grace.refused("POST", "registry-webhooks/create", **asked) == denied
    assert office.grace.refused("GET", "registry-webhooks/list") == denied


def test_a_receiver_is_tried_also_where_it_is_told_of_nothing(
    office: Team, receiver: Receiver
) -> None:
    made = hook(office, PRODUCTION, status="TEST_MODE", **spec(receiver.url))
    assert made["status"] == "DISABLED"
    ask = {"id": made["id"], "event": "TRANSITION_REQUEST_CREATED"}
    answer = office.linus.do("POST", "registry-webhooks/test", **ask)
    told = {"status_code": 200, "body": "ok"}
    assert answer == {**told, "webhook": told}
    assert (
        office.linus.refused("POST", "registry-webhooks/test", **{**ask, "event": "x"}) == INVALID
    )
    receiver.answer = lambda came: Answer(500)
    assert office.linus.do("POST", "registry-webhooks/test", id=made["id"])["status_code"] == 500
    assert [came.event for came in receiver.received] == ["request.created", "stage.entered"]
    with receiving() as gone:
        pass
    made = hook(office, PRODUCTION, status="DISABLED", **spec(gone.url))
    answer = office.linus.do("POST", "registry-webhooks/test", id=made["id"])
    assert "status_code" not in answer
    assert answer["body"]


def test_a_receiver_hears_of_who_enters_its_stage_and_not_of_who_leaves_it(
    office: Team, receiver: Receiver
) -> None:
    office.grace.do("POST", "registered-models/create", name="loans")
    for _ in range(2):
        office.grace.do("POST", "model-versions/create", name="loans", source="s3://bucket/model")
    hook(office, PRODUCTION, "COMMENT_CREATED", model_name="loans", **spec(receiver.url))
    for version, stage in (("1", "Production"), ("1", "Archived"), ("2", "production")):
        move = {"name": "loans", "version": version, "stage": stage, "comment": stage}
        office.grace.do("POST", "databricks/model-versions/transition-stage", **move)
    for name in ("fraud", "loans"):
        office.ada.do("POST", "comments/create", name=name, version="1", comment="done")
    came = receiver.wait_for(3)
    told = [(one.event, one.data["model"], one.data["version"]) for one in came]
    assert told == [
        ("stage.entered", "loans", 1),
        ("stage.entered", "loans", 2),
        ("comment.added", "loans", 1),
    ]
    assert came[1].data["details"] == {"from": "None", "to": "Production"}
    assert (came[1].data["actor"], came[1].data["comment"]) == ("grace", "production")


def test_private_addresses_are_refused_unless_a_setting_allows_them(tmp_path: Path) -> None:
    with team(tmp_path / "home") as office:
        asked = {"events": ["COMMENT_CREATED"], **spec("https://127.0.0.1/")}
        assert office.linus.refused("POST", "registry-webhooks/create", **asked) == INVALID
