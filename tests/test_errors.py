from __future__ import annotations

import re

import pytest

from muniment import errors
from muniment.errors import (
    Conflict,
    InvalidInput,
    MunimentError,
    NotFound,
    NotReady,
    Unavailable,
    error_from_problem,
)


def tree(cls: type[MunimentError] = MunimentError, depth: int = 0) -> list[tuple[object, ...]]:
    """The classes from the root down: (depth, name, status, code), in the order of definition."""
    ours = [child for child in cls.__subclasses__() if child.__module__ == errors.__name__]
    return [
        (depth, cls.__name__, cls.status, cls.code),
        *(row for child in ours for row in tree(child, depth + 1)),
    ]


ERRORS = [getattr(errors, str(name)) for _, name, _, _ in tree()]


def test_the_tree_drawn_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = [
        (len(branch) // 4, name, int(status), code)
        for branch, name, status, code in re.findall(
            r"^([│├└─ ]*)(\w+) +(\d{3}) (\w+)", errors.__doc__ or "", re.MULTILINE
        )
    ]
    assert drawn == tree()


def test_all_names_every_error_in_alphabetical_order() -> None:
    assert errors.__all__ == sorted([*(cls.__name__ for cls in ERRORS), "error_from_problem"])


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in ERRORS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_an_error_survives_the_way_through_a_problem_document(cls: type[MunimentError]) -> None:
    raised = cls("It is wrong.", hint="Mend it.", details={"field": "name", "limit": 3})
    received = error_from_problem(
        raised.code,
        raised.message,
        status=raised.status,
        hint=raised.hint,
        details=raised.details,
    )
    assert type(received) is cls
    assert str(received) == "It is wrong. Mend it."
    assert received.details == {"field": "name", "limit": 3}


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (404, NotFound),
        (409, Conflict),
        (418, InvalidInput),
        (503, Unavailable),
        (500, MunimentError),
        (599, MunimentError),
    ],
)
def test_a_code_from_a_newer_server_becomes_the_error_nearest_in_status(
    status: int, cls: type[MunimentError]
) -> None:
    assert type(error_from_problem("from_the_future", "No.", status=status)) is cls


def test_an_error_can_be_caught_by_its_branch() -> None:
    with pytest.raises(Conflict):
        raise NotReady("Version fraud/3 is pending.")


def test_a_message_without_a_hint_stands_alone() -> None:
    assert str(NotFound("There is no model 'fraud'.")) == "There is no model 'fraud'."


def test_details_are_the_error_s_own() -> None:
    details = {"field": "name"}
    error = InvalidInput("The name is empty.", details=details)
    details["field"] = "changed"
    assert error.details == {"field": "name"}
