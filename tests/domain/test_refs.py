"""References: how a person names one version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.refs import Ref, parse_ref
from muniment.errors import InvalidInput, MunimentError

DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("fraud", Ref("fraud")),
        ("fraud@champion", Ref("fraud", alias="champion")),
        ("fraud/3", Ref("fraud", version=3)),
        ("fraud/Production", Ref("fraud", stage="Production")),
        ("fraud/1.0.0", Ref("fraud", stage="1.0.0")),
        (f"fraud@sha256:{DIGEST}", Ref("fraud", digest=DIGEST)),
        ("my model/3", Ref("my model", version=3)),
        ("a@b/3", Ref("a@b", version=3)),
        ("a@b@c", Ref("a@b", alias="c")),
    ],
)
def test_what_a_reference_means(text: str, ref: Ref) -> None:
    assert parse_ref(text) == ref
    assert str(ref) == text


@pytest.mark.parametrize(
    "text", ["", "/", "/3", "fraud/", "@x", "fraud@", "a/b/c", "../x", "fraud@sha256:abc", "a:b/3"]
)
def test_what_is_no_reference_says_how_to_write_one(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_ref(text)


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_a_clear_error(text: str) -> None:
    try:
        assert str(parse_ref(text)) == text or "/0" in text
    except MunimentError as error:
        assert error.message
