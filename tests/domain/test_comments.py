"""Comments: their text, whom they mention, and how they are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.comments import MAX_MENTIONS, Comment, check_comment, mentions
from muniment.domain.names import check_user_name
from muniment.errors import InvalidInput, LimitExceeded
from tests.domain.making import NOON, later

PLAIN = Comment("fraud", "Hm.", "ada", NOON, id=5, model_id=2)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("nobody", ()),
        ("@ada", ("ada",)),
        ("@ada, see what @grace.h wrote.", ("ada", "grace.h")),
        ("(@ada) @ada @Ada", ("ada", "Ada")),
        ("@ada@example.com!", ("ada@example.com",)),
        ("mail ada@example.com", ()),
        ("@@ada", ()),
        ("@ ada @-x @.y", ()),
        ("@grace-", ("grace",)),
        ("@" + "x" * 128, ("x" * 128,)),
        ("@" + "x" * 129, ()),
        ("@語", ("語",)),
    ],
)
def test_who_is_mentioned(text: str, names: tuple[str, ...]) -> None:
    assert mentions(text) == names


def test_nobody_can_mention_everybody() -> None:
    text = " ".join(f"@user{n}" for n in range(1_000))
    assert mentions(text) == tuple(f"user{n}" for n in range(MAX_MENTIONS))


@given(st.text(st.sampled_from("@a.-+_ \nx"), max_size=40))
def test_every_mention_could_be_a_user(text: str) -> None:
    for name in mentions(text):
        assert check_user_name(name) == name
        assert f"@{name}" in text


def test_a_comment_says_something_and_not_too_much() -> None:
    assert check_comment("x" * 20_000) == "x" * 20_000
    with pytest.raises(InvalidInput, match="empty"):
        check_comment(" \n")
    with pytest.raises(LimitExceeded):
        check_comment("x" * 20_001)
    with pytest.raises(InvalidInput):
        check_comment("a\0b")


@pytest.mark.parametrize(
    "comment",
    [
        PLAIN,
        replace(PLAIN, version=3, text="@grace: look"),
        replace(PLAIN, version=3, request=9, edited_at=later(5), revision=2),
        replace(PLAIN, text="", deleted=True),
    ],
)
def test_a_comment_survives_json_and_the_store(comment: Comment) -> None:
    assert replace(Comment.from_json(comment.to_json()), model_id=2) == comment
    assert Comment.from_record(comment.to_record(), "renamed") == replace(comment, model="renamed")


@pytest.mark.parametrize(
    ("comment", "keys"),
    [
        (PLAIN, ("about:model",)),
        (replace(PLAIN, version=3), ("about:version",)),
        (replace(PLAIN, version=3, request=9), ("request:9",)),
        (replace(PLAIN, text="@a @b"), ("about:model", "mention:a", "mention:b")),
    ],
)
def test_a_comment_is_found_by_what_it_is_about_and_whom_it_mentions(
    comment: Comment, keys: tuple[str, ...]
) -> None:
    record = comment.to_record()
    assert record.keys == keys
    assert record.version == comment.version
