"""Comments: said, changed and taken back; who may, and what the history keeps of it."""

from __future__ import annotations

import pytest

from muniment.domain.access import Grant, Narrowing, Principal, Role, Verb
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.values import sha256_hex
from muniment.errors import (
    Conflict,
    InvalidInput,
    InvalidPageToken,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
)
from muniment.services import Services

from .conftest import House
from .people import somebody


@pytest.fixture
def fraud(house: House) -> House:
    """A model with two versions."""
    for content in (b"1", b"2"):
        house.catalog.create_version(
            "fraud", NewVersion(files=house.files(model=content)), create_model=True
        )
    return house


def texts(services: Services, **asked: object) -> list[str]:
    return [c.text for c in services.comments.comments("fraud", **asked).items]  # type: ignore[arg-type]


def test_a_comment_is_about_a_model_a_version_or_a_request(fraud: House) -> None:
    asked = fraud.lifecycle.request_transition("fraud", 2, "Staging")
    fraud.comments.add("fraud", "of the model")
    fraud.comments.add("fraud", "of one", version=1)
    fraud.comments.add("fraud", "of two", version=2)
    of_request = fraud.comments.add("fraud", "of the request", request=asked.id)
    assert (of_request.version, of_request.author) == (2, "ada")
    assert texts(fraud) == ["of the model"]
    assert texts(fraud, version=2) == ["of two"]
    assert texts(fraud, request=asked.id) == ["of the request"]
    assert texts(fraud, version=2, everything=True) == ["of two", "of the request"]
    assert texts(fraud, everything=True, newest_first=True) == [
        "of the request",
        "of two",
        "of one",
        "of the model",
    ]
    assert fraud.comments.comment(of_request.id) == of_request


def test_what_a_comment_is_about_must_be_there(fraud: House) -> None:
    fraud.catalog.create_model("credit")
    elsewhere = fraud.lifecycle.request_transition("fraud", 1, "Staging").id
    for about in ({"version": 7}, {"request": 999}):
        with pytest.raises(NotFound):
            fraud.comments.add("fraud", "hello", **about)
        with pytest.raises(NotFound):
            fraud.comments.comments("fraud", **about)
    with pytest.raises(NotFound, match="credit"):
        fraud.comments.add("credit", "hello", request=elsewhere)
    with pytest.raises(NotFound, match="credit"):
        fraud.comments.comments("credit", request=elsewhere)
    with pytest.raises(NotFound):
        fraud.comments.add("absent", "hello")
    with pytest.raises(InvalidInput, match="about version 1, not 2"):
        fraud.comments.add("fraud", "hello", request=elsewhere, version=2)
    comment = fraud.comments.add("fraud", "hello")
    with pytest.raises(NotFound):
        fraud.comments.add("fraud", "hello", request=comment.id)
    with pytest.raises(NotFound):
        fraud.comments.comment(elsewhere)


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "x" * 20_001])
def test_a_text_that_is_none_is_refused(fraud: House, text: str) -> None:
    with pytest.raises(Exception, match="comment"):
        fraud.comments.add("fraud", text)
    assert texts(fraud) == []


def test_an_edit_shows_and_needs_the_present_revision_if_asked(fraud: House) -> None:
    comment = fraud.comments.add("fraud", "frist", version=1)
    fraud.clock.forward(minutes=1)
    edited = fraud.comments.edit(comment.id, "first", if_match=comment.revision)
    assert (edited.text, edited.revision, edited.created_at) == ("first", 2, comment.created_at)
    assert edited.edited_at is not None
    assert edited.edited_at > comment.created_at
    with pytest.raises(PreconditionFailed):
        fraud.comments.edit(comment.id, "again", if_match=1)
    assert fraud.comments.edit(comment.id, "first") == edited
    assert fraud.comments.comment(comment.id) == edited


def test_a_deleted_comment_keeps_its_place_without_its_text(fraud: House) -> None:
    comment = fraud.comments.add("fraud", "@grace: the password is 1234")
    gone = fraud.comments.delete(comment.id)
    assert (gone.text, gone.deleted, gone.mentions) == ("", True, ())
    assert [c.id for c in fraud.comments.comments("fraud").items] == [comment.id]
    assert fraud.comments.mentions("grace").items == ()
    assert fraud.comments.delete(comment.id) == gone
    with pytest.raises(Conflict, match="was deleted"):
        fraud.comments.edit(comment.id, "no, wait")


def test_the_history_tells_what_was_done_and_keeps_no_text(fraud: House) -> None:
    first, second = "the password is swordfish", "never mind"
    comment = fraud.comments.add("fraud", first, version=1)
    fraud.comments.edit(comment.id, second)
    fraud.comments.delete(comment.id)
    fraud.comments.delete(comment.id)
    entries = fraud.catalog.history("fraud", newest_first=False).items[-3:]
    assert [(e.kind, e.version) for e in entries] == [
        ("comment.added", 1),
        ("comment.edited", 1),
        ("comment.deleted", 1),
    ]
    digests = [sha256_hex(text.encode()) for text in (first, second)]
    assert [e.details.get("digest") for e in entries] == [*digests, None]
    assert [e.details.get("before") for e in entries] == [None, *digests]
    assert "swordfish" not in str(entries)
    assert fraud.catalog.verify_history("fraud") == entries[-1].sequence


def test_only_its_author_and_who_manages_stages_may_change_a_comment(fraud: House) -> None:
    grace, linus = (somebody(fraud, name, Role.CONTRIBUTOR) for name in ("grace", "linus"))
    comment = grace.comments.add("fraud", "mine")
    for attempt in (
        lambda: linus.comments.edit(comment.id, "yours"),
        lambda: linus.comments.delete(comment.id),
    ):
        with pytest.raises(PermissionDenied, match="is grace's"):
            attempt()
    assert grace.comments.edit(comment.id, "still mine").text == "still mine"
    demoted = somebody(fraud, "grace", Role.VIEWER)
    with pytest.raises(PermissionDenied):
        demoted.comments.edit(comment.id, "once mine")
    with pytest.raises(PermissionDenied):
        demoted.comments.add("fraud", "hello")
    admin = somebody(fraud, "root", Role.ADMIN)
    assert admin.comments.delete(comment.id).author == "grace"
    assert texts(demoted) == [""]


def test_of_a_hidden_model_no_comment_is_told(fraud: House) -> None:
    comment = fraud.comments.add("fraud", "@eve, look")
    eve = somebody(fraud, "eve", Role.ADMIN, Narrowing(models="credit-*"))

    def refusal(comment_id: int) -> str:
        with pytest.raises(NotFound) as refused:
            eve.comments.comment(comment_id)
        return str(refused.value).replace(str(comment_id), "…")

    assert refusal(comment.id) == refusal(comment.id + 100)
    assert eve.comments.mentions("eve").items == ()
    with pytest.raises(NotFound):
        eve.comments.delete(comment.id)
    with pytest.raises(NotFound):
        eve.comments.comments("fraud")


def test_mentions_are_found_in_all_models_newest_first_page_by_page(fraud: House) -> None:
    fraud.catalog.create_model("credit")
    for model in ("fraud", "credit", "fraud"):
        fraud.comments.add(model, f"@grace and @linus: {model}")
    fraud.comments.add("fraud", "grace@example.com is no mention")
    first = fraud.comments.mentions("grace", page_size=2)
    assert [c.model for c in first.items] == ["fraud", "credit"]
    rest = fraud.comments.mentions("grace", page_size=2, page_token=first.next_token)
    assert [c.model for c in rest.items] == ["fraud"]
    assert rest.next_token is None
    with pytest.raises(InvalidPageToken):
        fraud.comments.mentions("linus", page_token=first.next_token)


def test_pages_pass_over_what_is_hidden(fraud: House) -> None:
    for n in range(7):
        fraud.catalog.create_model(f"m{n}")
        fraud.comments.add(f"m{n}", "@grace")
    grants = tuple(Grant(frozenset({Verb.READ}), Narrowing(models=f"m{n}")) for n in (0, 3, 6))
    grace = Services(fraud.ports, Caller("grace", principal=Principal("grace", grants)))
    first = grace.comments.mentions("grace", page_size=2)
    assert [c.model for c in first.items] == ["m6", "m3"]
    rest = grace.comments.mentions("grace", page_size=2, page_token=first.next_token)
    assert [c.model for c in rest.items] == ["m0"]


def test_a_comment_follows_its_model_through_a_rename(fraud: House) -> None:
    comment = fraud.comments.add("fraud", "hello")
    fraud.catalog.rename_model("fraud", "deceit")
    assert fraud.comments.edit(comment.id, "hello there").model == "deceit"
    fraud.catalog.delete_model("deceit")
    with pytest.raises(NotFound):
        fraud.comments.comment(comment.id)


def test_one_is_told_whether_one_may_change_a_comment(fraud: House) -> None:
    comment = fraud.comments.add("fraud", "fine", version=1)
    grace, root = (somebody(fraud, role.value, role) for role in (Role.APPROVER, Role.ADMIN))
    asked = [services.comments.may_change(comment) for services in (fraud, grace, root)]
    assert asked == [True, False, True]
