"""Page tokens: they carry a cursor exactly, fit one search, and can't be used to break anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.filters import parse_filter, parse_order
from muniment.domain.names import MAX_NAME_BYTES, MAX_NAME_CHARS
from muniment.domain.paging import (
    MAX_TOKEN_CHARS,
    decode_token,
    encode_token,
    resume,
    search_id,
)
from muniment.domain.query import Cursor, Query, Target
from muniment.errors import InvalidPageToken, LimitExceeded

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50),
)
CURSORS = st.lists(VALUES, min_size=1, max_size=6).map(tuple)
QUERY = Query(
    "default",
    Target.VERSIONS,
    where=parse_filter("metrics.auc > 0.5", Target.VERSIONS),
    order=parse_order(["name", "metrics.auc DESC", "created_at"], Target.VERSIONS),
)


def forge(body: bytes, search: str) -> str:
    """A token with any body and a check that fits: what an attacker can make, too."""
    check = hashlib.sha256(b"%d:%b%b" % (len(search.encode()), search.encode(), body)).digest()[:9]
    return base64.urlsafe_b64encode(check + body).rstrip(b"=").decode()


@given(cursor=CURSORS)
def test_a_cursor_survives_exactly_and_the_token_is_safe_in_a_url(cursor: Cursor) -> None:
    token = encode_token(cursor, search="s")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert encode_token(cursor, search="s") == token
    assert repr(decode_token(token, search="s")) == repr(cursor)


@pytest.mark.parametrize("name", ["x" * MAX_NAME_CHARS, "語" * (MAX_NAME_BYTES // 3), '"' * 2_000])
def test_the_longest_names_fit_into_a_token(name: str) -> None:
    token = encode_token((name, 2**63 - 1), search="s")
    assert len(token) < 6_000
    assert decode_token(token, search="s") == (name, 2**63 - 1)


def test_a_sort_value_that_is_too_long_is_refused_with_a_next_step() -> None:
    with pytest.raises(LimitExceeded, match="Order by a shorter field"):
        encode_token(("x" * MAX_TOKEN_CHARS, 1), search="s")


@pytest.mark.parametrize(
    "other",
    [
        replace(QUERY, workspace="other"),
        replace(QUERY, target=Target.MODELS),
        replace(QUERY, where=None),
        replace(QUERY, where=parse_filter("metrics.auc > 0.6", Target.VERSIONS)),
        replace(QUERY, order=parse_order(["name", "metrics.auc", "created_at"], Target.VERSIONS)),
        replace(QUERY, deleted=True),
        replace(QUERY, model="fraud"),
    ],
)
def test_a_token_is_refused_by_another_search(other: Query) -> None:
    token = encode_token(("fraud", 0.5, 1_000, 7), search=search_id(QUERY))
    with pytest.raises(InvalidPageToken, match="does not belong to this search"):
        resume(other, token)


def test_a_token_goes_on_with_the_same_search_and_another_page_size() -> None:
    token = encode_token(("fraud", 0.5, 1_000, 7), search=search_id(QUERY))
    small = replace(QUERY, limit=3)
    assert resume(small, token) == replace(small, after=("fraud", 0.5, 1_000, 7))
    later = encode_token(("risk", None, 1_000, 9), search=search_id(resume(small, token)))
    assert resume(QUERY, later).after == ("risk", None, 1_000, 9)


def test_no_token_means_the_beginning() -> None:
    assert resume(QUERY, "") == QUERY


def test_a_token_is_the_same_in_another_process() -> None:
    script = """
from muniment.domain.filters import parse_filter, parse_order
from muniment.domain.paging import encode_token, search_id
from muniment.domain.query import Query, Target

where = parse_filter("tags.x IN ('a', 1, 0.5) OR stage = 'b'", Target.MODELS)
query = Query("default", Target.MODELS, where, parse_order(["name"], Target.MODELS))
print(encode_token(("fraud", 7), search=search_id(query)))
"""
    token, again = (
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in "12"
    )
    assert token == again


@given(data=st.data())
def test_damage_is_found(data: st.DataObject) -> None:
    token = encode_token(("fraud", 0.5, 17), search="s")
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("AZaz09_-=+/ é\0"))
    damaged = token[:at] + letter + token[at + 1 :]
    if damaged == token:
        return
    with pytest.raises(InvalidPageToken):
        decode_token(damaged, search="s")


@given(token=st.one_of(st.text(), st.text("abcXYZ019_-")))
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        decode_token(token, search="s")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"17",
        b"[]",
        b"{}",
        b"[[1]]",
        b'[{"a":1}]',
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b"[9223372036854775808]",
        b"[" + b"9" * 5_000 + b"]",
        b"[" * 10_000,
        b'["\\ud800"]',
        b'["\\u0000"]',
        b"[\xff]",
        b"\x80\x04K\x01.",
    ],
)
def test_forged_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidPageToken):
        decode_token(forge(body, "s"), search="s")


@pytest.mark.parametrize(
    "cursor",
    [
        ["fraud", 0.5, 1_000],
        ["fraud", 0.5, 1_000, 7, 7],
        [1, 0.5, 1_000, 7],
        ["fraud", "0.5", 1_000, 7],
        ["fraud", True, 1_000, 7],
        ["fraud", 0.5, 1.5, 7],
        ["fraud", 0.5, "2026-11-21", 7],
        ["fraud", 0.5, 1_000, "7"],
        ["fraud", 0.5, 1_000, None],
        ["fraud", 0.5, 1_000, True],
    ],
)
def test_forged_cursors_that_do_not_fit_the_order_are_refused(cursor: list[object]) -> None:
    with pytest.raises(InvalidPageToken):
        resume(QUERY, forge(json.dumps(cursor).encode(), search_id(QUERY)))
