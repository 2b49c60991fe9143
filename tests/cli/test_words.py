from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.cli import words
from muniment.errors import InvalidInput

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (4_200, "4.1 KiB"),
        (1_048_575, "1.0 MiB"),
        (38_797_312, "37.0 MiB"),
        (5 * 2**40, "5.0 TiB"),
        (2**63, "8192.0 PiB"),
    ],
)
def test_sizes_are_said_in_binary_units(count: int, said: str) -> None:
    assert words.size(count) == said


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (timedelta(seconds=1), "just now"),
        (timedelta(seconds=-2), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(seconds=119), "1 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=29), "29 d ago"),
        (timedelta(days=40), "2026-10-12"),
        (timedelta(days=-1), "2026-11-22 12:00:00 UTC"),
    ],
)
def test_times_are_said_as_ages_until_a_month_has_gone(gone: timedelta, said: str) -> None:
    assert words.age(NOON - gone, NOON) == said


def test_numbers_of_a_column_align_at_the_point() -> None:
    assert words.aligned([0.5, 0.9934, None, 12]) == ["0.5000", "0.9934", "", "12.0000"]
    assert words.aligned([1e-9, 0.5]) == ["1e-09", "0.5"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("risk", "risk"),
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e-4", 1e-4),
        ("true", True),
        ("False", False),
        ("", ""),
        ("007", "007"),  # a number would lose the zeros
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("1e999", "1e999"),
        ("9223372036854775808", "9223372036854775808"),  # does not fit into 64 bits
        ("a=b", "a=b"),
    ],
)
def test_a_value_becomes_what_it_reads_as(text: str, value: object) -> None:
    parsed = words.assignments([f"key={text}"], "tag")["key"]
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("pair", "key", "value"),
    [
        ("zip:str=10115", "zip", "10115"),
        ("n:int=3", "n", 3),
        ("n:float=3", "n", 3.0),
        ("live:bool=true", "live", True),
        ("team:risk=a", "team:risk", "a"),  # no type, so part of the key
        ("a:str:str=1", "a:str", "1"),
    ],
)
def test_a_type_behind_the_key_is_taken_at_its_word(pair: str, key: str, value: object) -> None:
    parsed = words.assignments([pair], "tag")
    assert parsed == {key: value}
    assert type(parsed[key]) is type(value)


@pytest.mark.parametrize(
    "pairs", [["team"], ["=risk"], ["n:int=x"], ["n:int=1.5"], ["b:bool=1"], ["a=1", "a=2"]]
)
def test_what_is_no_assignment_is_refused(pairs: list[str]) -> None:
    with pytest.raises(InvalidInput):
        words.assignments(pairs, "tag")


def test_a_metric_must_be_a_number() -> None:
    assert words.metrics(["auc=0.97", "n=3"]) == {"auc": 0.97, "n": 3.0}
    for wrong in ("auc=good", "auc=true", "auc=nan"):
        with pytest.raises(InvalidInput, match="not a number"):
            words.metrics([wrong])


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_as_it_was_typed(number: float) -> None:
    assert words.assignments([f"key={number!r}"], "tag") == {"key": number}


@pytest.mark.parametrize(
    ("value", "said"),
    [("risk", "risk"), ("10115", '"10115"'), (10115, "10115"), (True, "true"), ("true", '"true"')],
)
def test_a_string_that_reads_as_another_type_is_quoted(value: str | int, said: str) -> None:
    assert words.value(value) == said


def test_what_would_steer_a_terminal_is_escaped() -> None:
    hostile = "red \x1b[31m bell \x07 back \r reorder \u202e end"
    assert words.printable(hostile) == (r"red \x1b[31m bell \x07 back \r reorder \u202e end")
    assert words.printable("naïve 模型\n\tcafé") == "naïve 模型\n\tcafé"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5h", 5400), ("7d", 604_800), ("0", 0)]
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert words.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "7 days", "inf", "1y", "٣d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a duration"):
        words.duration(text)
