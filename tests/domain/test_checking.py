"""What the checks of a version say together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from muniment.domain.checking import check_state, check_states, due_record
from muniment.domain.checks import CheckResult, CheckState, Verdict
from muniment.domain.entities import ModelVersion
from muniment.domain.records import Record, RecordKind
from tests.domain.making import NOON, version_of

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def filed(*results: tuple[str, Verdict], version: int = 1) -> list[Record]:
    """Return the records of results, in the order in which they came."""
    return [
        CheckResult("fraud", version, name, verdict, NOON, "ada", id=n).to_record()
        for n, (name, verdict) in enumerate(results, start=1)
    ]


def due(*checks: str, version: int = 1) -> Record:
    return due_record(version, NOON, checks)


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([], CheckState.NONE),
        (filed(("bias", PASS)), CheckState.PASSED),
        (filed(("bias", PASS), ("drift", PASS)), CheckState.PASSED),
        (filed(("bias", PASS), ("drift", FAIL)), CheckState.FAILED),
        (filed(("bias", FAIL), ("drift", PASS)), CheckState.FAILED),
        (filed(("bias", UNKNOWN)), CheckState.FAILED),  # it blocks as a failure does
        (filed(("bias", FAIL), ("bias", PASS)), CheckState.PASSED),
        (filed(("bias", PASS), ("bias", FAIL)), CheckState.FAILED),
        (filed(("bias", PASS), ("bias", FAIL))[::-1], CheckState.FAILED),
        ([due()], CheckState.WAITING),
        ([due("bias")], CheckState.WAITING),
        ([*filed(("bias", PASS)), due("bias", "drift")], CheckState.WAITING),
        ([*filed(("bias", PASS)), due()], CheckState.WAITING),
        ([*filed(("bias", PASS)), due("bias")], CheckState.PASSED),  # again: it has a verdict
        ([*filed(("bias", FAIL)), due("bias")], CheckState.FAILED),
        ([*filed(("bias", FAIL)), due("drift")], CheckState.FAILED),
    ],
)
def test_the_latest_verdicts_and_what_is_due_make_the_state(
    records: Iterable[Record], state: CheckState
) -> None:
    assert check_state(records) is state


def test_each_version_is_judged_by_its_own_records() -> None:
    records = [
        *filed(("bias", FAIL)),
        *filed(("bias", PASS), version=2),
        due("bias", version=3),
        Record(RecordKind.COMMENT, NOON, {}, version=4),
        replace(due(), version=None),
    ]
    assert check_states(records) == {
        1: CheckState.FAILED,
        2: CheckState.PASSED,
        3: CheckState.WAITING,
    }


def test_a_version_of_an_older_server_says_nothing_of_its_checks() -> None:
    version = version_of(checks=CheckState.FAILED)
    assert ModelVersion.from_json(version.to_json()) == version
    older = version.to_json()
    del older["checks"]
    assert ModelVersion.from_json(older).checks is CheckState.NONE
