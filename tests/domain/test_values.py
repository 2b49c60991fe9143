"""Times and canonical JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.values import (
    canonical_json,
    from_millis,
    time_from_json,
    time_to_json,
    to_millis,
    utcnow,
)
from muniment.errors import InvalidInput


@given(st.integers(0, 253402300799999))
def test_a_time_is_the_same_in_every_form(millis: int) -> None:
    at = from_millis(millis)
    assert to_millis(at) == millis
    assert time_from_json(time_to_json(at)) == at


def test_times_are_written_in_one_way() -> None:
    assert (
        time_to_json(datetime(2026, 1, 2, 3, 4, 5, 6999, tzinfo=UTC)) == "2026-01-02T03:04:05.006Z"
    )
    assert time_from_json("2026-01-02T04:04:05+01:00") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert time_from_json("2026-01-02") == datetime(2026, 1, 2, tzinfo=UTC)
    assert utcnow().microsecond % 1000 == 0
    with pytest.raises(InvalidInput, match="yesterday"):
        time_from_json("yesterday")


def test_canonical_json_has_one_form_only() -> None:
    assert canonical_json({"b": [1, 1.0, True, None], "a": "é\n"}) == (
        '{"a":"é\\n","b":[1,1.0,true,null]}'.encode()
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
