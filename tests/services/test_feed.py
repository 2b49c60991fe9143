"""The feed: what happened to all models that one may read, latest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from muniment.domain.access import Narrowing, Role
from muniment.domain.activities import ActivityKind, Happened
from muniment.domain.changes import ModelChanges
from muniment.domain.entities import Page
from muniment.domain.paging import encode_token
from muniment.domain.query import Cursor
from muniment.errors import InvalidInput, InvalidPageToken, NotFound
from muniment.services import selecting

from .conftest import House
from .people import somebody


@pytest.fixture
def busy(house: House) -> House:
    """Three models: `a` and `c` are ada's, `b` is bob's; each was updated three times."""
    bob = house.acting_as("bob")
    for name, who in (("a", house), ("b", bob), ("c", house)):
        who.catalog.create_model(name)
    for n in range(3):
        for name, who in (("a", house), ("b", bob), ("c", house)):
            who.catalog.update_model(name, ModelChanges(description=str(n)))
    return house


def told(happened: Sequence[Happened]) -> list[tuple[str, int]]:
    return [(h.model, h.activity.sequence) for h in happened]


def walk(page: Callable[..., Page[Happened]], size: int = 2, **asked: Any) -> list[Happened]:
    found: list[Happened] = []
    token = None
    while True:
        got = page(page_size=size, page_token=token, **asked)
        found += got.items
        token = got.next_token
        if token is None:
            return found


def test_all_models_are_in_it_latest_first(busy: House) -> None:
    everything = walk(busy.feed.activities)
    assert sorted(told(everything)) == [(name, n) for name in "abc" for n in range(1, 5)]
    times = [h.activity.at for h in everything]
    assert times == sorted(times, reverse=True)
    assert list(busy.feed.export()) == everything
    assert walk(busy.feed.activities, size=1_000) == everything


def test_it_is_narrowed_by_kind_actor_and_model(busy: House) -> None:
    created = walk(busy.feed.activities, kinds=[ActivityKind.MODEL_CREATED])
    assert told(created) == [("c", 1), ("b", 1), ("a", 1)]
    assert {h.model for h in walk(busy.feed.activities, actor="bob")} == {"b"}
    assert told(walk(busy.feed.activities, model="c")) == [("c", n) for n in (4, 3, 2, 1)]
    assert walk(busy.feed.activities, model="c", actor="bob") == []
    assert told(list(busy.feed.export(model="a", kinds=["model.created"]))) == [("a", 1)]


def test_models_that_one_may_not_read_leave_no_trace(busy: House) -> None:
    narrow = somebody(busy, "grace", Role.VIEWER, Narrowing(models="[bx]*"))
    assert walk(narrow.feed.activities) == []
    narrow = somebody(busy, "grace", Role.VIEWER, Narrowing(models="b"))
    assert told(walk(narrow.feed.activities)) == [("b", n) for n in (4, 3, 2, 1)]
    assert told(list(narrow.feed.export())) == [("b", n) for n in (4, 3, 2, 1)]
    for hidden in ("a", "no-such"):
        with pytest.raises(NotFound):
            narrow.feed.activities(model=hidden)
        with pytest.raises(NotFound):
            narrow.feed.export(model=hidden)


def test_deleted_models_are_gone_from_it(busy: House) -> None:
    busy.catalog.delete_model("b")
    assert {h.model for h in walk(busy.feed.activities)} == {"a", "c"}


def test_a_page_ends_when_enough_was_looked_through_and_leads_on(
    busy: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "_SEARCHED", 1)
    narrow = somebody(busy, "grace", Role.VIEWER, Narrowing(models="b"))
    pages = [narrow.feed.activities(page_size=1)]
    while pages[-1].next_token:
        pages.append(narrow.feed.activities(page_size=1, page_token=pages[-1].next_token))
    assert [h.model for page in pages for h in page.items] == ["b"] * 4
    assert any(not page.items for page in pages)


def test_a_history_is_narrowed_in_the_same_way(busy: House) -> None:
    busy.acting_as("bob").catalog.update_model("a", ModelChanges(description="bob's"))
    history = busy.catalog.history
    assert [a.sequence for a in history("a", actor="bob").items] == [5]
    assert [a.sequence for a in history("a", kinds=["model.created"]).items] == [1]
    assert history("a", version=1).items == ()
    oldest = busy.feed.export_history("a", newest_first=False)
    assert told(list(oldest)) == [("a", n) for n in range(1, 6)]


def test_a_kind_that_no_model_knows_is_refused(busy: House) -> None:
    for kind in ("model", "sign_in", ""):
        with pytest.raises(InvalidInput, match="no kind of activity"):
            busy.feed.activities(kinds=[kind])


@pytest.mark.parametrize("cursor", [(1, 2), ("x", 1, 1), (2**62, 1, 1), (None,)])
def test_a_page_token_that_somebody_made_up_is_refused(busy: House, cursor: Cursor) -> None:
    token = encode_token(cursor, search="feed default [] None None")
    with pytest.raises(InvalidPageToken):
        busy.feed.activities(page_token=token)
